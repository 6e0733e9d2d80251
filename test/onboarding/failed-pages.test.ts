import { expect, it } from '@jest/globals'
import type { Failure } from '../../src/errors.ts'
import { FailedPages } from '../../src/onboarding/failed-pages.ts'
import { eachDatabase } from '../databases.ts'
import { TestClock } from '../test-clock.ts'

eachDatabase('failure pages', (open) => {
  it('of a bug are kept however many networks ask for what is not there', async () => {
    const { db } = await open()
    const pages = new FailedPages({ db, clock: new TestClock() })
    const asked: Omit<Failure, 'code' | 'network'> = {
      ...{ what: 'link_unknown', route: '/connect/:token', status: 404, sessionId: undefined },
    }
    for (let nth = 0; nth < 1_000; nth += 1)
      pages.record({ ...asked, code: `C-${nth}`, network: `2001:db8:${nth}::/56` })
    pages.record({ ...asked, what: 'bug', status: 500, code: 'BUG-222', network: '192.0.2.1' })
    expect(await pages.find('BUG-222')).toMatchObject([{ what: 'bug' }])
    expect(await db.selectFrom('failedPage').select('code').execute()).toHaveLength(30 + 1)
  })
})
