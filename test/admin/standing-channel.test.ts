import { describe, expect, it } from '@jest/globals'
import { type StandingChannel, withStanding } from '../../src/admin/standing-channel.ts'
import type { ChannelDetails } from '../../src/channels/channel-service.ts'
import { showTime } from '../../src/web/time.ts'
import { loadTranslations } from '../../src/web/translations.ts'

const at = new Date('2026-03-02T14:05:00.000Z')
const translations = await loadTranslations()
const t = translations.getFixedT('en')

const working = {
  ...{
    id: 'c1',
    clientId: 'client',
    clientName: 'Shop A GmbH',
    tenantId: 't1',
    tenantName: 'Shop A',
    boundAt: at,
  },
  ...{ phoneNumber: '+4930123456', displayName: 'Shop A', status: 'live', rawStatus: 'account_mode=live' },
  ...{ isRunning: true, createdAt: at, observedAt: at, facts: {} },
  ...{ permission: 'shared', permissionSource: 'mint', permissionObservedAt: at },
  ...{ keyStatus: 'stored', keyVersion: 1, keyFingerprint: 'ab', keyCreatedAt: at },
  ...{ probeState: 'ok', probeDoneAt: at },
} as unknown as ChannelDetails

type Facts = Partial<ChannelDetails>
const key = (keyStatus: ChannelDetails['keyStatus']): Facts => ({ keyStatus })
const permission = (status: ChannelDetails['permission']): Facts => ({ permission: status })
const mint = (state: NonNullable<ChannelDetails['mintState']>, problem?: string, dueAt?: Date): Facts => {
  const about = {
    mintId: 'm',
    mintState: state,
    mintProblem: problem,
    mintRequestedAt: at,
    mintSinceAt: at,
    mintDueAt: dueAt,
  }
  return { keyStatus: 'waiting', ...about }
}
const probe = (state: 'due' | 'failed', problem?: string): Facts => {
  return { probeState: state, probeProblem: problem, probeDueAt: at }
}
const webhook = (state: 'due' | 'failed', problem?: string): Facts => {
  return { webhookState: state, webhookProblem: problem, webhookDueAt: at }
}

/** What an admin reads of a channel in one line. */
function sentenceOf({ standing, nextTryAt }: StandingChannel): string {
  const sentence = `${t(`admin.standing.${standing}.what`)} ${t(`admin.standing.${standing}.todo`)}`
  if (!nextTryAt) return sentence
  return `${sentence} ${t('admin.lookedAtAgain', { time: showTime(nextTryAt, at).ofDay })}`
}

const table: [string, Facts, string, RegExp][] = [
  ['works', {}, 'nobody', /^The key works\. Nothing to do\.$/],
  ['ended', { status: 'terminated', ...key('needs_decision') }, 'nobody', /ended this number/],
  ['mint just opened', mint('waiting', undefined, at), '360dialog', /created next\. Nothing to do\.$/],
  ['mint running', mint('minting', undefined, at), '360dialog', /at this moment\. Nothing to do\.$/],
  ['answer kept', mint('sealed'), '360dialog', /at this moment/],
  [
    'not running',
    mint('waiting', 'not_running', at),
    'whatsapp',
    /^The number is not running yet at 360dialog\. Nothing to do\. Looked at again at 14:05 UTC\.$/,
  ],
  ['not listed', mint('waiting', 'not_listed', at), '360dialog', /ask the customer to grant it again/],
  ['never sent', mint('waiting', 'never_sent', at), '360dialog', /14:05/],
  ['refused', mint('waiting', 'refused', at), '360dialog', /ask 360dialog support/],
  ['no permission', mint('waiting', 'no_permission', at), 'client', /Ask the customer/],
  ['credentials refused', mint('waiting', 'credentials_refused', at), 'admin', /nothing of this number/],
  ['upstream failed', mint('waiting', 'upstream_failed', at), '360dialog', /14:05/],
  ['answer lost', mint('unknown', 'answer_lost', at), '360dialog', /key records.*14:05/],
  ['answer lost for good', mint('needs_decision', 'answer_lost'), 'admin', /do not tell what happened/],
  ['key in use', mint('needs_decision', 'key_in_use'), 'admin', /would end it/],
  ['records unreadable', mint('needs_decision', 'key_records_unreadable'), 'admin', /cannot be read/],
  ['another key', mint('needs_decision', 'another_key_appeared'), 'admin', /Find out who/],
  ['unreadable', mint('needs_decision', 'answer_unreadable'), 'admin', /Read it again/],
  ['masked', mint('needs_decision', 'answer_masked'), 'admin', /full key/],
  ['host', mint('needs_decision', 'answer_host_not_allowed'), 'admin', /D360_MESSAGING_HOSTS/],
  ['new problem', mint('needs_decision', 'from_the_future'), 'admin', /has stopped/],
  ['problem named like a method', mint('needs_decision', 'constructor'), 'admin', /has stopped/],
  ['stopped without a word', mint('needs_decision'), 'admin', /Decide how to go on/],
  ['rejected', key('rejected'), 'client', /rejects the stored key/],
  [
    'retired, permission gone',
    { ...key('retired'), ...permission('missing') },
    'nobody',
    /permission is missing/,
  ],
  ['held back', { ...key('retired'), isKeyHeldBack: true }, 'admin', /served to nobody/],
  ['none, permission gone', { ...key('none'), ...permission('missing') }, 'client', /permission is missing/],
  [
    'none, unbound',
    { ...key('none'), ...permission('unknown'), tenantId: undefined },
    'nobody',
    /no customer/,
  ],
  ['none, in review', { ...key('none'), tenantId: undefined, reviewOpenedAt: at }, 'admin', /under Reviews/],
  ['none, bound', key('none'), 'client', /connect link again/],
  ['waits for nothing', key('waiting'), 'client', /Nothing is in progress/],
  ['probe planned', probe('due'), '360dialog', /proven next\. Nothing to do\.$/],
  ['webhook planned', webhook('due'), '360dialog', /webhook is set next\. Nothing to do\.$/],
  ['another number', probe('failed', 'another_number'), 'admin', /another phone number/],
  ['probe unreachable', probe('failed', 'unreachable'), '360dialog', /not be proven.*14:05/],
  ['webhook refused', webhook('failed', 'refused'), '360dialog', /webhook could not be set.*14:05/],
  ['internal', probe('failed', 'internal'), '360dialog', /see the reason on the page/],
  ['failed without a word', probe('failed'), '360dialog', /see the reason on the page/],
  [
    'probe goes before webhook',
    { ...probe('due'), ...webhook('failed', 'internal') },
    '360dialog',
    /proven next/,
  ],
  ['renewal stopped', { ...mint('needs_decision', 'key_in_use'), ...key('stored') }, 'admin', /Decide how/],
  ['revoked', permission('missing'), 'client', /revoked/],
  ['perhaps revoked', permission('unknown'), '360dialog', /ask the customer whether/],
  ['works, and somebody else came back with it', { reviewOpenedAt: at }, 'admin', /^The key works/],
  ['being deleted', { status: 'pending_deletion' }, 'client', /about to end/],
]

describe('whose turn it is', () => {
  it.each(table)('%s', (_name, change, turn, why) => {
    const found = withStanding({ ...working, ...change }, at, undefined)
    expect(found.turn).toBe(turn)
    expect(sentenceOf(found)).toMatch(why)
  })
})
