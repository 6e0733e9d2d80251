import { afterAll, beforeAll } from '@jest/globals'
import { type Simulator, type SimulatorSettings, startSimulator } from '../../src/simulator/simulator.ts'

export const partnerSettings = {
  port: 0,
  partnerId: 'tEstDePA',
  partnerApiKey: 'partner-key',
  partnerName: 'Nordlicht',
  username: 'anna',
  password: 'secret',
  platformSecret: 'platform-secret',
  redirectUrl: 'https://stored.example/callback',
}

export interface Answered {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: the tests look at foreign JSON of many shapes
  body: any
  text: string
  headers: Headers
}

/** Starts one simulator for a test file and says how to call it. */
export function withSimulator(settings: Partial<SimulatorSettings> = {}) {
  let running: Simulator | undefined
  beforeAll(async () => {
    running = await startSimulator({ ...partnerSettings, ...settings })
  })
  afterAll(() => running?.close())

  const simulator = (): Simulator => {
    if (!running) throw new Error('not started')
    return running
  }
  const call = async (path: string, init: RequestInit = {}): Promise<Answered> => {
    const url = path.startsWith('http') ? path : `${simulator().url}${path}`
    const answer = await fetch(url, { redirect: 'manual', ...init })
    const text = await answer.text()
    return { status: answer.status, body: parse(text), text, headers: answer.headers }
  }
  const partner = (path: string, init: RequestInit = {}) =>
    call(`/api/v2/partners/tEstDePA${path}`, { headers: { 'x-api-key': 'partner-key' }, ...init })
  const messaging = (path: string, key: string, init: RequestInit = {}) =>
    call(path, { ...init, headers: { 'D360-API-KEY': key, 'content-type': 'application/json' } })
  const control = (path: string, body: object = {}) =>
    call(`/control${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  const submit = (path: string, fields: string[][] = [], headers: Record<string, string> = {}) =>
    call(path, { method: 'POST', body: new URLSearchParams(fields as [string, string][]), headers })

  return {
    get hub() {
      return simulator().hub
    },
    get url() {
      return simulator().url
    },
    pause: () => simulator().pause(),
    resume: () => simulator().resume(),
    call,
    partner,
    messaging,
    control,
    submit,
  }
}

/** A client with one number that runs and is shared. */
export function addReadyChannel(hub: Simulator['hub'], phoneNumber = '+4930123456') {
  const client = hub.addClient({
    name: 'Backhaus Lind',
    email: `mail${hub.listClients().length}@lind.example`,
  })
  return hub.addChannel({
    clientId: client.id,
    phoneNumber,
    displayName: 'Backhaus Lind',
    running: true,
    permitted: true,
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
