import express from 'express'
import type { Kysely } from 'kysely'
import { openDatabase } from '../src/database/database.ts'
import { newId } from '../src/identifiers.ts'

/**
 * What the site is measured beside: Express with nothing around it. `/insert` answers after one durable
 * single-row insert through the same driver; `/bytes/NAME` answers the bytes that were put there.
 */
const [port, databaseUrl = ''] = process.argv.slice(2)
const db = openDatabase(databaseUrl).withoutPlugins() as unknown as Kysely<{
  bare: { id: string; text: string }
}>
await db.schema.createTable('bare').addColumn('id', 'text').addColumn('text', 'text').execute()

const bytes = new Map<string, { type: string; body: Buffer }>()
const app = express()
app.get('/ready', (_req, res) => res.end())
app.all('/insert', async (_req, res) => {
  await db
    .insertInto('bare')
    .values({ id: newId('row', new Date()), text: 'x'.repeat(200) })
    .execute()
  res.redirect(303, '/next')
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
