import { defineConfig } from 'vite'
import solid from 'vite-plugin-solid'

// The guest's page, which the server serves under /join/<token>. Its files lie under /join/assets/, named by what is in them, so they
// may be kept for ever; the page itself must not be. The policy is `default-src 'self'`: nothing may become a data: URL.
export default defineConfig({
  plugins: [solid()],
  clearScreen: false,
  base: '/join/',
  build: {
    outDir: 'dist-guest',
    // Browsers that know Ed25519 or nearly so; light-dark() needs as much.
    target: ['safari17.5', 'chrome125', 'firefox128'],
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: 'guest.html' },
  },
  server: { port: 5174, strictPort: true, fs: { allow: ['..'] } },
})
