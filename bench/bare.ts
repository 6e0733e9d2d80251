import { createHmac, timingSafeEqual } from 'node:crypto'
import express from 'express'
import type { Kysely } from 'kysely'
import { openDatabase } from '../src/database/database.ts'
import { newId } from '../src/identifiers.ts'

/**
 * What the site is measured beside: Express with nothing around it. `/insert` answers after one durable
 * single-row insert through the same driver; `/notice` does it once it has verified a signature; `/bytes/NAME` answers
 * the bytes that were put there.
 */
const [port, databaseUrl = '', secret = ''] = process.argv.slice(2)
const db = openDatabase(databaseUrl).withoutPlugins() as unknown as Kysely<{
  bare: { id: string; text: string }
}>
await db.schema.createTable('bare').addColumn('id', 'text').addColumn('text', 'text').execute()

const bytes = new Map<string, { type: string; body: Buffer }>()
const app = express()
app.get('/ready', (_req, res) => res.end())
const insert = (text: string) =>
  db
    .insertInto('bare')
    .values({ id: newId('row', new Date()), text })
    .execute()
app.all('/insert', async (_req, res) => {
  await insert('x'.repeat(200))
  res.redirect(303, '/next')
})
app.post('/notice', express.raw({ type: () => true }), async (req, res) => {
  const signature = Buffer.from(req.get('x-360dialog-signature') ?? '', 'hex')
  if (!timingSafeEqual(createHmac('sha256', secret).update(req.body).digest(), signature)) throw new Error()
  await insert(String(req.body))
  res.sendStatus(200)
})
app.put('/bytes/:name', express.raw({ type: () => true, limit: '1mb' }), (req, res) => {
  bytes.set(String(req.params.name), { type: req.get('content-type') ?? '', body: req.body })
  res.end()
})
app.get('/bytes/:name', (req, res) => {
  const found = bytes.get(req.params.name)
  res.type(found?.type ?? '').send(found?.body)
})
app.listen(Number(port), '127.0.0.1')
