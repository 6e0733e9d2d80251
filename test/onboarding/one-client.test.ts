import { describe, expect, it } from '@jest/globals'
import { openDatabase } from '../../src/database/database.ts'
import { migrate } from '../../src/database/migrate.ts'
import { createDatabase, engines } from '../databases.ts'
import { openOnboarding } from './onboarding-services.ts'

describe.each(engines)('on %s, a nonce that comes back with two clients at once', (engine) => {
  it('fixes one of them, whichever of two workers is first; the other one goes to review', async () => {
    const empty = await createDatabase(engine)
    // Two processes on PostgreSQL; on SQLite one process serves a file.
    const db = openDatabase(empty.url)
    await migrate(db, engine)
    const another = engine === 'postgres' ? openDatabase(empty.url) : db
    const workers = [openOnboarding({ db }), openOnboarding({ db: another })] as const
    const [first, second] = workers
    const emails = { a: 'anna@shop.example' }
    for (let round = 0; round < 8; round += 1) {
      const [one, two] = [`one${round}`, `two${round}`]
      const nonce = await first.leave(`t${round}`, `b${round}`, emails.a)
      for (const worker of workers)
        for (const id of [one, two]) {
          worker.list(id, `ch-${id}`)
          const client = worker.clients.at(-1)
          if (client) Object.assign(client, { emails: [emails.a] })
        }
      await first.comeBack(`b${round}`, `nonce=${nonce}&client=${one}&channels=[ch-${one}]`)
      await first.comeBack(`b${round}`, `nonce=${nonce}&client=${two}&channels=[ch-${two}]`)
      const received = (await first.listReturns()).filter(({ state }) => state === 'received')
      const job = (subject: string) => ({ subject, finish: async () => {} }) as never
      const work = (worker: typeof first, subject = '') =>
        worker.service.works[0]?.run(job(subject)) ?? Promise.reject(new Error('no work'))
      await Promise.all([work(first, received[0]?.id), work(second, received[1]?.id)])
      const named = (await first.listNamed()).filter(({ channelId }) => channelId.endsWith(String(round)))
      expect(named.map(({ outcome, reason, rule }) => `${outcome} ${rule ?? reason}`).toSorted()).toEqual([
        'bound verified_email',
        'review another_client',
      ])
    }
    await Promise.all([db.destroy(), another === db ? undefined : another.destroy()])
    await empty.drop()
  })
})
