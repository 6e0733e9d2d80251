import { describe, expect, it } from '@jest/globals'
import { problems, wordsOf } from '../../src/admin/problem-words.ts'
import { whoseTurn } from '../../src/admin/turn.ts'
import type { ChannelState, OpenMint, TaskState } from '../../src/channels/channel-repository.ts'

const at = new Date('2026-03-02T14:05:00.000Z')

const working: ChannelState = {
  id: 'c1',
  clientId: 'client',
  clientName: 'Shop A GmbH',
  tenantId: 't1',
  tenantName: 'Shop A',
  phoneNumber: '+4930123456',
  displayName: 'Shop A',
  status: 'live',
  rawStatus: 'account_mode=live',
  running: true,
  observedAt: at,
  boundAt: at,
  permission: { status: 'shared', source: 'mint', observedAt: at },
  key: { status: 'stored', version: 1, fingerprint: 'ab', createdAt: at },
  mint: undefined,
  probe: { state: 'ok', problem: undefined, doneAt: at, dueAt: undefined },
  webhook: undefined,
}

const key = (status: ChannelState['key']['status']) => ({ key: { ...working.key, status } })
const permission = (status: ChannelState['permission']['status']) => ({
  permission: { ...working.permission, status },
})
const mint = (state: OpenMint['state'], problem?: string, dueAt?: Date) => ({
  key: { ...working.key, status: 'waiting' as const },
  mint: { id: 'm', state, problem, upstreamStatus: undefined, requestedAt: at, dueAt },
})
const task = (state: TaskState['state'], problem?: string): TaskState => ({
  state,
  problem,
  doneAt: undefined,
  dueAt: at,
})

const table: [string, Partial<ChannelState>, string, RegExp][] = [
  ['works', {}, 'nobody', /^The key works\. Nothing to do\.$/],
  ['ended', { status: 'terminated', ...key('needs_decision') }, 'nobody', /ended this number/],
  ['mint just opened', mint('waiting'), 'latchkey', /made next/],
  ['mint running', mint('minting'), 'latchkey', /at this moment/],
  ['answer kept', mint('sealed'), 'latchkey', /at this moment/],
  [
    'not running',
    mint('waiting', 'not_running', at),
    '360dialog',
    /^The number is not running yet at 360dialog\. Nothing to do\. Looked at again at 14:05 UTC\.$/,
  ],
  ['not listed', mint('waiting', 'not_listed', at), 'client', /Ask the customer to grant it again/],
  ['never sent', mint('waiting', 'never_sent', at), 'latchkey', /14:05/],
  ['refused', mint('waiting', 'refused', at), '360dialog', /ask 360dialog support/],
  ['no permission', mint('waiting', 'no_permission', at), 'client', /Ask the customer/],
  ['upstream failed', mint('waiting', 'upstream_failed', at), '360dialog', /14:05/],
  ['answer lost', mint('unknown', 'answer_lost', at), 'latchkey', /key records.*14:05/],
  ['answer lost for good', mint('needs_decision', 'answer_lost'), 'admin', /do not tell what happened/],
  ['key in use', mint('needs_decision', 'key_in_use'), 'admin', /would end it/],
  ['records unreadable', mint('needs_decision', 'key_records_unreadable'), 'admin', /cannot be read/],
  ['another key', mint('needs_decision', 'another_key_appeared'), 'admin', /Find out who/],
  ['unreadable', mint('needs_decision', 'answer_unreadable'), 'admin', /Read it again/],
  ['masked', mint('needs_decision', 'answer_masked'), 'admin', /full key/],
  ['host', mint('needs_decision', 'answer_host_not_allowed'), 'admin', /D360_MESSAGING_HOSTS/],
  ['new problem', mint('needs_decision', 'from_the_future'), 'admin', /from_the_future/],
  ['problem named like a method', mint('needs_decision', 'constructor'), 'admin', /constructor/],
  ['stopped without a word', mint('needs_decision'), 'admin', /Decide how to go on/],
  ['rejected', key('rejected'), 'admin', /rejects the stored key/],
  [
    'rejected, permission gone',
    { ...key('rejected'), ...permission('missing') },
    'client',
    /permission is missing/,
  ],
  ['retired', key('retired'), 'nobody', /retired/],
  ['none, permission gone', { ...key('none'), ...permission('missing') }, 'client', /permission is missing/],
  [
    'none, unbound',
    { ...key('none'), ...permission('unknown'), tenantId: undefined },
    'nobody',
    /no customer/,
  ],
  ['none, bound', key('none'), 'client', /connect link again/],
  ['waits for nothing', key('waiting'), 'admin', /Nothing goes on/],
  ['probe planned', { probe: task('due') }, 'latchkey', /proven next/],
  ['webhook planned', { webhook: task('due') }, 'latchkey', /webhook is set next/],
  ['another number', { probe: task('failed', 'another_number') }, 'admin', /another phone number/],
  ['probe unreachable', { probe: task('failed', 'unreachable') }, 'latchkey', /not be proven.*14:05/],
  ['webhook refused', { webhook: task('failed', 'refused') }, '360dialog', /webhook could not be set/],
  ['webhook odd', { webhook: task('failed', 'unexpected_answer') }, '360dialog', /not known here/],
  ['internal', { probe: task('failed', 'internal') }, 'admin', /log/],
  ['failed without a word', { probe: task('failed') }, 'admin', /log/],
  [
    'failed goes before planned',
    { probe: task('due'), webhook: task('failed', 'internal') },
    'admin',
    /webhook/,
  ],
  ['taken back', permission('missing'), 'client', /taken back/],
  ['perhaps taken back', permission('unknown'), 'client', /Ask the customer whether/],
  ['being deleted', { status: 'pending_deletion' }, 'client', /about to end/],
]

describe('whose turn it is', () => {
  it.each(table)('%s', (_name, change, turn, why) => {
    const found = whoseTurn({ ...working, ...change })
    expect(found.turn).toBe(turn)
    expect(found.why).toMatch(why)
  })

  it.each([...problems])('says what to do about %s', (problem) => {
    const { what, todo } = wordsOf(problem)
    expect(what).toMatch(/^\S.*\.$/)
    expect(todo).toMatch(/^\S.*\.$/)
    expect(`${what} ${todo}`).not.toMatch(/undefined|_[a-z]/)
  })

  it('has words for every problem that mints and tasks can have', () => {
    const known =
      `not_listed not_running never_sent refused no_permission upstream_failed answer_lost another_key_appeared
      key_in_use key_records_unreadable answer_unreadable answer_masked answer_host_not_allowed another_number
      key_rejected unreachable unexpected_answer internal`.split(/\s+/)
    expect([...problems].toSorted()).toEqual(known.toSorted())
  })
})
