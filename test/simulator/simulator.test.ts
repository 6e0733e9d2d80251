import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it } from '@jest/globals'
import { type Simulator, type SimulatorSettings, startSimulator } from '../../src/simulator/simulator.ts'
import { addReadyChannel, partnerSettings } from './running-simulator.ts'

const running: Simulator[] = []
const folder = mkdtempSync(join(tmpdir(), 'simulator-'))

async function start(settings: Partial<SimulatorSettings> = {}): Promise<Simulator> {
  const simulator = await startSimulator({ ...partnerSettings, ...settings })
  running.push(simulator)
  return simulator
}

afterEach(async () => {
  await Promise.all(running.splice(0).map((simulator) => simulator.close()))
})

afterAll(() => rmSync(folder, { recursive: true }))

describe('starting and stopping', () => {
  it('answers at localhost and at 127.0.0.1', async () => {
    const { url } = await start()
    expect(url).toMatch(/^http:\/\/localhost:\d+$/)
    for (const address of [url, url.replace('localhost', '127.0.0.1')])
      expect((await fetch(`${address}/control/state`)).status).toBe(200)
  })

  it('refuses to listen to other machines', async () => {
    await expect(start({ host: '0.0.0.0' })).rejects.toThrow('loopback only')
  })

  it('refuses a port that is taken', async () => {
    const { port } = new URL((await start()).url)
    await expect(start({ port: Number(port) })).rejects.toThrow('EADDRINUSE')
  })

  it('ends open connections when it closes', async () => {
    const simulator = await start()
    simulator.hub.setFault({ endpoint: 'partner', kind: 'slow', ms: 600_000 })
    const waiting = fetch(`${simulator.url}/api/v2/partners/tEstDePA`, {
      headers: { 'x-api-key': 'partner-key' },
    })
    const refused = expect(waiting).rejects.toThrow()
    while (simulator.hub.calls.partner === 0) await new Promise(setImmediate)
    await simulator.close()
    await refused
  })
})

describe('the state file', () => {
  it('keeps clients, permissions, keys and webhooks over a restart, for this user only', async () => {
    const stateFile = join(folder, 'hub.json')
    const first = await start({ stateFile })
    const { id, clientId } = addReadyChannel(first.hub)
    const key = first.hub.mintForeignKey(id)
    first.hub.change(id, { webhook: { url: 'https://product.example/in', headers: {} } })
    await first.close()
    expect(statSync(stateFile).mode & 0o777).toBe(0o600)

    const { hub } = await start({ stateFile })
    expect(hub.client(clientId)).toEqual(first.hub.client(clientId))
    expect(hub.channel(id)).toEqual(first.hub.channel(id))
    expect(hub.channelOfKey(key)?.permitted).toBe(true)
  })

  it('does not start over a file that it cannot read', async () => {
    const stateFile = join(folder, 'broken.json')
    writeFileSync(stateFile, '{')
    await expect(start({ stateFile })).rejects.toThrow('cannot be read')
  })
})
