import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { settingsFor } from '../site.ts'
import { runProgram } from '../start/child.ts'
import { openReviewSite, type ReviewSite } from './review-site.ts'

let site: ReviewSite
let folder: string
let env: Record<string, string>

const review = (words: string) => run(['review', ...words.split(' ')])

async function run(words: readonly string[]) {
  const child = runProgram('src/cli.ts', [...words], { cwd: folder, env })
  const code = await child.ended
  return { code, ...child.output() }
}

beforeAll(async () => {
  site = await openReviewSite('sqlite')
  folder = mkdtempSync(join(tmpdir(), 'latchkey-reviews-'))
  const { port, databaseUrl } = site.config
  env = settingsFor({ port, databaseUrl, simulator: site.simulator, more: {} })
})
afterAll(async () => {
  await site.stop()
  rmSync(folder, { recursive: true, force: true })
})

describe('review commands', () => {
  it('list what waits, one a line', async () => {
    expect(await review('list')).toMatchObject({ code: 0, stdout: '' })
    await site.share('ch10')
    const { id, clientId, openedAt } = await site.openReview('ch10')
    const { code, stdout } = await review('list')
    const fields = [id, openedAt.toISOString(), 't1', clientId, 'ch10', '+49777104567', 'nothing_matches']
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${fields.join('\t')}\n` })
  })

  it('accept for the one who asks, and once', async () => {
    const { id } = await site.openReview('ch10')
    const { clientId } = await site.openReview('ch10')
    const facts = [
      `client\t${clientId}\tCompany ch10\tboss@ch10.example`,
      'number\tch10\t+49777104567',
      'held by\t-\t-',
      'asked for by\tt1\tShop A GmbH\tanna@shop-a.example',
    ]
    const stdout = [...facts, 'Accepted for t1.', ''].join('\n')
    expect(await review(`accept ${id}`)).toMatchObject({ code: 0, stdout })
    const again = await review(`accept ${id}`)
    expect(again).toMatchObject({ code: 1, stdout: '' })
    expect(again.stderr).toContain('This was decided already')
    // The command has a clock of its own, which shows the real time.
    site.clock.advance(Date.now() - site.clock.now().getTime())
    await site.untilQuiet()
    expect([await site.tenantOf('ch10'), site.minted('ch10')]).toEqual(['t1', 1])
    const audit = await site.context.audit.list({ channelId: 'ch10', limit: 50 })
    expect(audit.find(({ action }) => action === 'review.accepted')).toMatchObject({ actor: 'cli' })
  })

  it('accept for nobody in particular only by name', async () => {
    await site.share('ch20')
    await site.claim('ch20', 't2')
    const { id } = await site.openReview('ch20')
    const several = await review(`accept ${id}`)
    expect(several.code).toBe(2)
    expect(several.stderr).toContain('Several customers ask. Give one: --tenant t1 | t2')
    expect(await review(`accept ${id} --tenant t99`)).toMatchObject({ code: 1, stdout: '' })
    expect(await site.tenantOf('ch20')).toBeUndefined()
    expect(await review(`accept ${id} --tenant t2`)).toMatchObject({ code: 0 })
    await site.untilQuiet()
    expect(await site.tenantOf('ch20')).toBe('t2')
  })

  it('refuse, and nothing is made', async () => {
    await site.share('ch30')
    const { id } = await site.openReview('ch30')
    const { code, stdout } = await review(`refuse ${id}`)
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^client\t.*\nRefused\.\n$/s)])
    expect((await review(`refuse ${id}`)).code).toBe(1)
    await site.untilQuiet()
    expect([await site.tenantOf('ch30'), site.minted('ch30')]).toEqual([undefined, 0])
    expect((await review('list')).stdout).toBe('')
  })

  it('take a number from the customer who has it only by a move, which names that customer', async () => {
    await site.share('ch40', { email: 'boss@ch40.example' })
    await site.claim('ch40', 't4')
    const { id } = await site.openReview('ch40')
    const words = (...more: string[]) => ['review', 'accept', id, '--tenant', 't4', ...more]
    const refused = await run(words())
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toMatch(/Shop A GmbH has this number.*--move-from/)
    expect((await run(words('--move-from', 'Shop B'))).stderr).toContain('not the name of the customer')
    expect(await site.tenantOf('ch40')).toBe('t1')
    const moved = await run(words('--move-from', ' shop a gmbh'))
    expect([moved.code, moved.stdout]).toEqual([
      0,
      expect.stringMatching(/held by\tt1\tShop A GmbH\n.*Moved for t4\.\n$/s),
    ])
    expect(await site.tenantOf('ch40')).toBe('t4')
  })

  it('know nothing of other ids, and are not to be used wrongly', async () => {
    expect((await review('accept rev_none --tenant t1')).stderr).toContain('There is no review with this id.')
    expect((await review('refuse rev_none')).code).toBe(1)
    for (const words of ['accept', 'refuse', 'accept a b', 'accept a --tenant', 'decide a'])
      expect([words, (await review(words)).code]).toEqual([words, 2])
  })
})
