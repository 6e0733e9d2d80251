import { describe, expect, it } from '@jest/globals'
import { Mailer } from '../../src/mail/mailer.ts'
import type { Reach } from '../../src/setup/reach.ts'
import {
  judgeHttps,
  judgeLastNotice,
  judgeMail,
  judgePlatformSecret,
  judgeProxy,
} from '../../src/setup/site-checks.ts'
import { startTestSimulator } from '../site.ts'

const receivedAt = new Date('2026-03-02T09:00:00.000Z')

describe('PUBLIC_URL', () => {
  it.each<[url: string, isSimulated: boolean, reach: Reach, state: string]>([
    ['https://connect.example', false, 'right', 'ok'],
    ['http://localhost:3000', true, 'right', 'ok'],
    ['http://localhost:3000', false, 'right', 'wrong'],
    ['https://localhost', false, 'right', 'wrong'],
    ['https://connect.example', false, { unreachable: 'ECONNREFUSED' }, 'ok'],
    ['https://connect.example', false, { unreachable: 'CERT_HAS_EXPIRED' }, 'wrong'],
    ['https://connect.example', false, { unreachable: 'DEPTH_ZERO_SELF_SIGNED_CERT' }, 'wrong'],
    ['https://connect.example', false, { unreachable: 'ERR_TLS_CERT_ALTNAME_INVALID' }, 'wrong'],
    ['https://connect.example', false, { unreachable: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' }, 'wrong'],
  ])('%s, simulated: %s, reached: %j', (url, isSimulated, reach, state) => {
    const check = judgeHttps(new URL(url), isSimulated, reach)
    expect([check.state, check.remedy !== undefined]).toEqual([state, state === 'wrong'])
  })

  it.each<[reach: Reach | undefined, state: string, says: string]>([
    [undefined, 'ok', 'demo'],
    ['right', 'ok', 'came back'],
    [{ unreachable: 'ENOTFOUND' }, 'unknown', '(ENOTFOUND)'],
    ['stranger', 'wrong', 'not this site'],
    ['too_many', 'wrong', 'made up'],
    ['too_few', 'wrong', 'a proxy for the visitor'],
    ['not_told', 'wrong', 'does not say who visits'],
  ])('reached: %j', (reach, state, says) => {
    expect(judgeProxy(new URL('https://connect.example'), reach)).toMatchObject({
      state,
      says: expect.stringContaining(says),
    })
  })
})

describe('the last notice', () => {
  it.each([
    ['valid', 'ok', 'was signed with it'],
    ['invalid', 'wrong', 'with another one'],
    ['missing', 'unknown', 'first signed notice'],
    ['unchecked', 'unknown', 'first signed notice'],
  ] as const)('with a signature that is %s', (signature, state, says) => {
    const check = judgePlatformSecret(['secret'], { receivedAt, signature })
    expect(check).toMatchObject({ state, says: expect.stringContaining(says) })
  })

  it('proves nothing without a platform secret', () => {
    expect(judgePlatformSecret([], { receivedAt, signature: 'unchecked' })).toMatchObject({
      state: 'unknown',
      remedy: expect.stringContaining('D360_PLATFORM_SECRET'),
    })
  })

  it('is told by its time', () => {
    expect(judgeLastNotice({ receivedAt, signature: 'valid' })).toMatchObject({
      state: 'ok',
      says: '2026-03-02T09:00:00.000Z, signature valid.',
    })
  })
})

describe('the mailbox of a demo', () => {
  const check = (url: string) =>
    judgeMail(new Mailer({ url: new URL(url), from: 'demo@latchkey.example', replyTo: undefined }))

  it('takes mails while its simulator answers', async () => {
    const simulator = await startTestSimulator()
    const url = `${simulator.url}/control/mails`
    expect(await check(url)).toMatchObject({ state: 'ok' })
    expect(simulator.hub.listMails()).toEqual([])
    await simulator.close()
    expect(await check(url)).toMatchObject({ state: 'wrong', says: expect.stringContaining('unreachable') })
  })
})
