import { Writable } from 'node:stream'
import type { Clock } from '../../src/clock.ts'
import { loadConfig } from '../../src/config/config.ts'
import { type Context, createContext } from '../../src/context.ts'
import type { Engine } from '../../src/database/database.ts'
import { createLogger } from '../../src/logger.ts'
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts'
import { defaultSwitches } from '../../src/simulator/switches.ts'
import { createDatabase } from '../databases.ts'
import { freePort } from '../free-port.ts'
import { PARTNER_API_KEY, PARTNER_ID, settingsFor } from '../site.ts'

/** A clock of this moment on which every sleep is over at once, and counts. */
class HurriedClock implements Clock {
  ahead = 0

  now(): Date {
    return new Date(Date.now() + this.ahead)
  }

  async sleep(ms: number): Promise<void> {
    this.ahead += ms
  }
}

export interface SetupSite {
  readonly simulator: Simulator
  readonly clock: HurriedClock
  readonly log: string[]
  readonly ours: { readonly redirectUrl: string; readonly webhookUrl: string }
  /** A site on the same database with these settings; it serves nobody. */
  open(settings?: Readonly<Record<string, string>>): Promise<Context>
  /** Everything at 360dialog as it should be, and the time as it is. */
  makeRight(): void
  close(): Promise<void>
}

export async function startSetupSite(engine: Engine): Promise<SetupSite> {
  const [port, database] = [await freePort(), await createDatabase(engine)]
  const simulator = await startSimulator({ port: 0, partnerId: PARTNER_ID, partnerApiKey: PARTNER_API_KEY })
  const clock = new HurriedClock()
  const log: string[] = []
  const logger = createLogger(
    'debug',
    new Writable({
      write(chunk, _encoding, done) {
        log.push(String(chunk))
        done()
      },
    }),
  )
  const url = `http://localhost:${port}`
  const ours = { redirectUrl: `${url}/callback`, webhookUrl: `${url}/webhooks/360dialog` }
  const opened: Context[] = []
  return {
    ...{ simulator, clock, log, ours },
    open: async (more = {}) => {
      const config = loadConfig(settingsFor({ port, databaseUrl: database.url, simulator, more }))
      const context = await createContext(config, { clock, logger })
      opened.push(context)
      return context
    },
    makeRight: () => {
      const { hub } = simulator
      hub.clearFaults()
      hub.setSwitches(defaultSwitches)
      hub.settings.redirectUrl = ours.redirectUrl
      hub.webhookUrl = ours.webhookUrl
      clock.ahead = 0
    },
    close: async () => {
      for (const { db } of opened) await db.destroy()
      await simulator.close()
      await database.drop()
    },
  }
}

/** A number in our database that its client shared with us, and that 360dialog lists. */
export async function addSharedNumber({ simulator: { hub }, clock }: SetupSite, { db }: Context) {
  const client = hub.addClient({ id: 'plantedCL', email: 'planted@shop.example', name: 'Planted Shop' })
  const number = { phoneNumber: '+4930998877', displayName: 'Planted Number', running: true, permitted: true }
  const { id } = hub.addChannel({ ...number, id: 'plantedCH', clientId: client.id })
  const observedAt = clock.now()
  await db.insertInto('client').values({ id: client.id, observedAt }).execute()
  await db
    .insertInto('channel')
    .values({
      ...{ id, clientId: client.id, status: 'live', rawStatus: 'status=ready', isRunning: true, observedAt },
      ...{ permission: 'shared', permissionSource: 'return', permissionObservedAt: observedAt },
    })
    .execute()
}
