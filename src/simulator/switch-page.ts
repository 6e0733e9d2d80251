import { Router } from 'express'
import type { Hub } from './hub.ts'
import { renderPage } from './render-page.ts'
import { switchGroups } from './switches.ts'

/** The page with every switch: what it plays, what it is set to, and what it may be. */
export function createSwitchPage(hub: Hub): Router {
  const router = Router()
  router.get('/switches', (_req, res) => {
    const values: Readonly<Record<string, unknown>> = hub.switches
    const groups = switchGroups.map(({ title, switches }) => ({
      title,
      rows: Object.entries(switches).map(([name, { usual, says, choices }]) => ({
        ...{ name, says, value: String(values[name]), isChanged: values[name] !== usual },
        usual: String(usual),
        choices: choices?.map((choice) => ({ value: String(choice), label: labelOf(choice) })),
        kind: typeof usual === 'number' ? 'number' : 'text',
      })),
    }))
    renderPage(res, 'switches', { title: 'Switches', groups })
  })
  return router
}

function labelOf(choice: unknown): string {
  if (typeof choice === 'boolean') return choice ? 'yes' : 'no'
  return String(choice).replaceAll('_', ' ')
}
