import { render } from 'solid-js/web'
import { App } from './App'
import type { Backend } from './backend/backend'
import { tauriBackend } from './backend/tauri'
import './theme.css'
import './base.css'

/** The app's own backend, or in a browser, for developing and for pictures, the fake one; that is not in what is shipped. */
async function chooseBackend(): Promise<Backend> {
  if (import.meta.env.MODE === 'production' || '__TAURI_INTERNALS__' in window) return tauriBackend()
  const { fakeBackend } = await import('./backend/fake/fake')
  return fakeBackend(new URLSearchParams(location.search))
}

const root = document.getElementById('app')
if (!root) throw new Error('index.html has no #app')
const backend = await chooseBackend()
render(() => <App backend={backend} />, root)
