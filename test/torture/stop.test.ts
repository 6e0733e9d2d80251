import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import type { Simulator } from '../../src/simulator/simulator.ts'
import { type Child, startChild } from '../child-process.ts'
import { createEmptyDatabase, type EmptyDatabase } from '../databases.ts'
import { freePort } from '../free-port.ts'
import { eventually, settingsFor, startTestSimulator } from '../site.ts'

describe('a serving process', () => {
  let simulator: Simulator
  let database: EmptyDatabase
  const children: Child[] = []

  beforeEach(async () => {
    simulator = await startTestSimulator()
    database = await createEmptyDatabase('sqlite')
  })

  afterEach(async () => {
    for (const child of children.splice(0)) {
      child.process.kill('SIGKILL')
      await child.ended
    }
    await simulator.close()
    await database.drop()
  })

  const startMain = (port: number) => {
    const settings = settingsFor({ port, databaseUrl: database.url, simulator, more: {} })
    const child = startChild('../src/main.ts', settings)
    children.push(child)
    return child
  }

  it('answers what is in flight when it is told to stop, then ends with 0', async () => {
    const port = await freePort()
    const main = startMain(port)
    await main.said(' serves partner hub ')

    const body = 'company=Shop+A&email=anna%40shop-a.example&consent=yes'
    const { begun, send } = beginPost(port, body)
    await begun
    main.process.kill('SIGTERM')
    await eventually(() => isRefused(port))

    expect(await send()).toMatch(/^HTTP\/1.1 303 /)
    expect(await main.ended).toEqual({ code: 0, signal: null })
  })

  it('refuses to serve a SQLite file that another process serves', async () => {
    const first = startMain(await freePort())
    await first.said(' serves partner hub ')
    const second = startMain(await freePort())

    expect(await second.ended).toEqual({ code: 1, signal: null })
    expect(second.errors.join('')).toMatch(
      /^Another Latchkey is already serving \S+latchkey\.db\. Stop it first/,
    )
    expect(first.process.exitCode).toBeNull()
  })
})

/** A sign-up of which the site has the head and not yet the form; `send` sends that and reads the answer. */
function beginPost(port: number, body: string): { begun: Promise<unknown>; send: () => Promise<string> } {
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.on('data', (chunk) => {
    answer += String(chunk)
  })
  socket.write(
    [
      'POST /connect HTTP/1.1',
      `Host: localhost:${port}`,
      'Content-Type: application/x-www-form-urlencoded',
      `Content-Length: ${body.length}`,
      'Expect: 100-continue',
      '\r\n',
    ].join('\r\n'),
  )
  const begun = eventually(() => answer.startsWith('HTTP/1.1 100 Continue'))
  const send = async () => {
    answer = ''
    const ended = once(socket, 'end')
    socket.write(body)
    await ended
    return answer
  }
  return { begun, send }
}

async function isRefused(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  const refused = await Promise.race([
    once(socket, 'connect').then(() => false),
    once(socket, 'error').then(() => true),
  ]).catch(() => true)
  socket.destroy()
  return refused
}
