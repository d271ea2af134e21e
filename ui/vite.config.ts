import solid from 'vite-plugin-solid'
import { defineConfig } from 'vitest/config'

// The webview's policy is `default-src 'self'`: nothing may become a data: URL, hence assetsInlineLimit 0 and no module preload polyfill.
export default defineConfig({
  plugins: [solid()],
  clearScreen: false,
  server: {
    port: 5173,
    strictPort: true,
    // The sounds live outside ui/, beside the icons.
    fs: { allow: ['..'] },
  },
  build: {
    // WebKitGTK 2.50, WKWebView of macOS 15 and WebView2 all understand light-dark(), nesting and top-level await.
    target: ['safari18', 'chrome125'],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 800,
  },
  test: {
    environment: 'jsdom',
    include: ['tests/**/*.test.ts', 'tests/**/*.test.tsx'],
    setupFiles: ['tests/setup.ts'],
    // What can be clicked is decided by this one, so tests see it.
    css: { include: /incoming\.css$/ },
    restoreMocks: true,
    testTimeout: 15_000,
  },
})
