import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import express from 'express'
import request from 'supertest'
import { loopbackOnly } from '../../src/web/loopback-only.ts'
import { type Site, startSite } from '../site.ts'

const app = express()
app.use(loopbackOnly, (_req, res) => void res.send('in'))
let site: Site
beforeAll(async () => {
  site = await startSite()
})
afterAll(() => site.stop())

const foreign: Record<string, string>[] = [
  ...['evil.example', 'localhost.evil.example', '127.0.0.1.nip.io:3000', '10.0.0.7', ''].map((host) => ({
    host,
  })),
  ...['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'forwarded', 'via'].map((header) => ({
    [header]: 'localhost',
  })),
]

describe('a demo', () => {
  it.each(['localhost', 'localhost:3000', '127.0.0.1:3000', '[::1]:3000'])('answers to %s', async (host) => {
    await request(app).get('/').set({ host }).expect(200)
  })

  it.each(foreign)('refuses what did not come from this machine’s browser: %j', async (headers) => {
    const { text } = await request(app).get('/').set(headers).expect(421)
    expect(text).toContain('answers only to the browser of the machine')
  })

  it.each(foreign)('has a simulator that refuses it too: %j', async (headers) => {
    await request(site.simulator.url).get('/').set(headers).expect(421)
  })

  it('is the only one that does: a live site stands behind proxies', async () => {
    const headers = { host: 'connect.example', 'x-forwarded-for': '203.0.113.5' }
    await request(site.url).get('/').set(headers).expect(200)
  })
})
