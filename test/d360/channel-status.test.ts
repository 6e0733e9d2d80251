import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { readChannel } from '../../src/d360/channel.ts'

const now = new Date('2026-03-02T09:00:00Z')
const past = '2026-03-01T00:00:00Z'
const future = '2026-04-01T00:00:00Z'
const classic = { on_behalf_of_business_info: { type: 'OBO' } }
const shared = { on_behalf_of_business_info: { type: 'SELF' } }

function read(row: object) {
  return readChannel({ id: 'ch1', client_id: 'cl1', ...row }, now)
}

describe('where a channel stands', () => {
  it.each<[status: string, running: boolean, row: object]>([
    ['live', true, { account_mode: 'live' }],
    ['live', true, { account_mode: ' LIVE ', status: 'error', integration: { app_id: '1' } }],
    ['live', true, { account_mode: 'live', status: 'created', waba_account: shared }],
    ['live', true, { status: 'ready' }],
    ['live', true, { status: 'Running' }],
    ['live', true, { status: 'ready', app_id: '1' }],
    ['live', true, { status: 'ready', integration: { app_id: null } }],
    ['live', true, { hub_status: 'live' }],
    ['live', true, { hub_status: 'RUNNING', account_mode: null, status: 'created' }],
    ['live', true, { integration: { state: 'running' } }],
    ['live', true, { integration: { state: 'live', enabled: false } }],
    ['live', true, { availability_status: 'running' }],
    ['live', true, { availability_status: 'Live', account_mode: 'sandbox' }],
    ['live', true, { status: 'ready', waba_account: classic }],
    ['live', true, { status: 'Ready', account_mode: null, waba_account: { type: 'obo' } }],
    ['live', true, { account_mode: 'live', waba_account: classic }],
    ['live', true, { status: 'new_name_requested', account_mode: 'live', waba_account: classic }],
    ['live', true, { hub_status: 'live', terminated_at: '', cancelled_at: null }],
    ['in_setup', false, { account_mode: null, status: 'created', integration: { app_id: '104148' } }],
    ['in_setup', false, { account_mode: 'sandbox', app_id: 104148 }],
    ['in_setup', false, { status: 'certificate_declined', waba_account: classic }],
    ['in_setup', false, { status: 'porting_ready', waba_account: classic }],
    ['unknown', false, { status: 'brand_new_word', waba_account: classic }],
    ['draft', false, { account_mode: null, status: 'created', integration: null }],
    [
      'draft',
      false,
      { status: 'verified', hub_status: 'ready', integration: { state: 'ready', enabled: true } },
    ],
    ['draft', false, { status: 'brand_new_word' }],
    ['draft', false, { app_id: null }],
    ['draft', false, {}],
    ['draft', false, { waba_account: classic }],
    ['draft', false, { account_mode: { odd: true }, integration: 'odd', status: [] }],
    ['pending_deletion', true, { account_mode: 'live', terminated_at: future }],
    ['pending_deletion', true, { account_mode: 'live', terminated_at: past, app_id: '1' }],
    ['pending_deletion', true, { account_mode: 'live', terminated_at: past }],
    ['pending_deletion', true, { account_mode: 'live', cancelled_at: past }],
    ['pending_deletion', true, { hub_status: 'live', cancelled_at: past }],
    ['pending_deletion', true, { status: 'ready', terminated_at: past, waba_account: classic }],
    ['pending_deletion', true, { integration: { state: 'running' }, terminated_at: past }],
    ['pending_deletion', false, { cancelled_at: past, terminated_at: future }],
    ['pending_deletion', false, { cancelled_at: future }],
    ['pending_deletion', false, { terminated_at: past, integration: { app_id: '1' } }],
    ['pending_deletion', false, { terminated_at: 'end of month' }],
    // One that is not read has not passed, whatever it looks like, and is not absent.
    ['pending_deletion', false, { terminated_at: '01/02/2026' }],
    ['pending_deletion', false, { terminated_at: '2026-02-30T00:00:00Z' }],
    ['pending_deletion', false, { terminated_at: '2025-03-01 09:00:00 CET' }],
    ['pending_deletion', false, { terminated_at: '0001-01-01T00:00:00Z' }],
    ['pending_deletion', false, { cancelled_at: { at: past } }],
    ['pending_deletion', false, { terminated_at: 'soon', cancelled_at: past }],
    ['pending_deletion', true, { account_mode: 'live', terminated_at: true }],
    ['pending_deletion', false, { terminated_at: 1775653748 }],
    ['terminated', false, { terminated_at: 'Sun, 01 Mar 2026 09:00:00 GMT' }],
    ['terminated', false, { terminated_at: '2026-03-01 09:00:00+00:00' }],
    ['terminated', false, { cancelled_at: '2026-03-01 09:00:00 UTC' }],
    ['terminated', false, { terminated_at: 1772355600 }],
    ['terminated', false, { terminated_at: past }],
    ['terminated', false, { cancelled_at: past, app_id: null }],
    ['terminated', false, { account_mode: 'sandbox', status: 'created', terminated_at: past }],
    [
      'terminated',
      false,
      { account_mode: null, status: 'verified', terminated_at: past, waba_account: classic },
    ],
  ])('is %s, and runs: %s, for %j', (status, running, row) => {
    expect(read(row)).toMatchObject({ status, running })
  })

  it('never says in one word that it runs, and in another that it does not', () => {
    const words = fc.constantFrom(
      undefined,
      null,
      '',
      'live',
      'LIVE',
      'ready',
      'running',
      'created',
      'x',
      7,
      {},
    )
    const times = fc.constantFrom(undefined, null, past, future, 'soon')
    const app = fc.constantFrom(undefined, null, '1')
    const rows = fc.record({
      ...{ account_mode: words, status: words, hub_status: words, availability_status: words },
      ...{ terminated_at: times, cancelled_at: times, app_id: app },
      waba_account: fc.constantFrom(undefined, null, classic, shared),
      integration: fc.option(fc.record({ state: words, app_id: app })),
    })
    fc.assert(
      fc.property(rows, (row) => {
        const { status, running } = read(row) ?? {}
        const fits = running
          ? status === 'live' || status === 'pending_deletion'
          : status !== 'live' && status !== undefined
        return fits
      }),
      { numRuns: 5_000 },
    )
  })
})

it('tells people what 360dialog said, briefly', () => {
  const row = { account_mode: 'live', status: 'ready', hub_status: 'live', integration: { state: 'running' } }
  expect(read(row)?.rawStatus).toBe('account_mode=live status=ready hub_status=live integration=running')
  expect(read({ status: 'x'.repeat(100) })?.rawStatus).toBe(`status=${'x'.repeat(40)}`)
  expect(read({})?.rawStatus).toBe('')
})
