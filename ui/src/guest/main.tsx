import { render } from 'solid-js/web'
import '../theme.css'
import '../base.css'
import './guest.css'
import { Guest } from './Guest'
import { browserEnvironment, type Environment } from './state/environment'

/** The real server and browser, or for developing and for pictures a fake; that is not in what is shipped. */
async function chooseEnvironment(): Promise<Environment> {
  if (import.meta.env.MODE === 'production') return browserEnvironment()
  const parameters = new URLSearchParams(location.search)
  if (!parameters.has('scene')) return browserEnvironment()
  const { fakeEnvironment } = await import('./fake/fake')
  return fakeEnvironment(parameters)
}

const root = document.getElementById('app')
if (!root) throw new Error('guest.html has no #app')
const environment = await chooseEnvironment()
render(() => <Guest environment={environment} />, root)
