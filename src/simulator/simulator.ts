import { createApp } from './app.ts'
import { Hub, type HubSettings } from './hub.ts'
import { Listener } from './listener.ts'

export interface SimulatorSettings extends HubSettings {
  /** 0: any free port. */
  port: number
  /** Default `127.0.0.1`. Every loopback name opens both loopback addresses. */
  host?: string
}

export interface Simulator {
  /** `http://localhost:PORT`. */
  readonly url: string
  readonly hub: Hub
  /** From here on connections are refused, until `resume`. */
  pause(): Promise<void>
  resume(): Promise<void>
  /** Ends open connections at once. */
  close(): Promise<void>
}

/**
 * Starts a 360dialog of one partner on this machine. It never listens to other machines: its pages ask for no password.
 * @throws when the host is not loopback or the port is taken
 */
export async function startSimulator({ port, host, ...settings }: SimulatorSettings): Promise<Simulator> {
  if (!['127.0.0.1', 'localhost', '::1'].includes(host ?? '127.0.0.1'))
    throw new Error('The simulator listens on loopback only.')

  const listener = new Listener()
  const url = `http://localhost:${await listener.open(port)}`
  try {
    const hub = new Hub(settings, url)
    listener.serve(createApp(hub, (seconds) => listener.pauseFor(seconds)))
    return {
      url,
      hub,
      pause: () => listener.pause(),
      resume: () => listener.resume(),
      close: async () => {
        hub.outbox.close()
        await listener.close()
      },
    }
  } catch (error) {
    await listener.close()
    throw error
  }
}
