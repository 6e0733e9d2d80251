import { describe, expect, it } from '@jest/globals'
import { readChannel } from '../../src/d360/channel.ts'

const now = new Date('2026-03-02T09:00:00Z')
const past = '2026-03-01T00:00:00Z'
const future = '2026-04-01T00:00:00Z'
const classic = { on_behalf_of_business_info: { type: 'OBO' } }
const shared = { on_behalf_of_business_info: { type: 'SELF' } }

function read(row: object) {
  return readChannel({ id: 'ch1', client_id: 'cl1', ...row }, now)
}

describe('the status of a channel', () => {
  it.each([
    ['live', { account_mode: 'live' }],
    ['live', { account_mode: 'LIVE', status: 'error', integration: { app_id: '1' } }],
    ['live', { account_mode: 'live', status: 'created', waba_account: shared }],
    ['in_setup', { account_mode: null, status: 'created', integration: { app_id: '104148' } }],
    ['in_setup', { account_mode: 'sandbox', app_id: 104148 }],
    ['in_setup', { status: 'ready', app_id: '1' }],
    ['draft', { account_mode: null, status: 'created', integration: null }],
    ['draft', { status: 'ready', integration: { app_id: null } }],
    ['draft', { app_id: null }],
    ['pending_deletion', { account_mode: 'live', terminated_at: future }],
    ['pending_deletion', { account_mode: 'live', terminated_at: past, app_id: '1' }],
    ['pending_deletion', { cancelled_at: future }],
    ['pending_deletion', { terminated_at: 'end of month' }],
    ['pending_deletion', { terminated_at: 1775653748 }],
    ['terminated', { terminated_at: 'Sun, 01 Mar 2026 09:00:00 GMT' }],
    ['terminated', { terminated_at: '2026-03-01 09:00:00+00:00' }],
    ['terminated', { cancelled_at: '2026-03-01 09:00:00 UTC' }],
    ['terminated', { terminated_at: 1772355600 }],
    // One that is not read has not passed, whatever it looks like, and is not absent.
    ['pending_deletion', { account_mode: 'live', terminated_at: '01/02/2026' }],
    ['pending_deletion', { account_mode: 'live', terminated_at: '2026-02-30T00:00:00Z' }],
    ['pending_deletion', { account_mode: 'live', terminated_at: '2025-03-01 09:00:00 CET' }],
    ['pending_deletion', { account_mode: 'live', terminated_at: '0001-01-01T00:00:00Z' }],
    ['pending_deletion', { account_mode: 'live', cancelled_at: { at: past } }],
    ['pending_deletion', { account_mode: 'live', terminated_at: 'soon', cancelled_at: past }],
    ['terminated', { account_mode: 'live', terminated_at: past }],
    ['terminated', { cancelled_at: past, app_id: null }],
    ['live', { status: 'ready', waba_account: classic }],
    ['live', { status: 'Ready', account_mode: null, waba_account: { type: 'obo' } }],
    ['in_setup', { status: 'certificate_declined', account_mode: 'live', waba_account: classic }],
    ['in_setup', { status: 'porting_ready', waba_account: classic }],
    ['unknown', { status: 'brand_new_word', waba_account: classic }],
    ['live', { account_mode: 'live', waba_account: classic }],
    ['unknown', {}],
    ['unknown', { account_mode: { odd: true }, integration: 'odd' }],
  ])('is %s for %j', (status, row) => {
    expect(read(row)?.status).toBe(status)
  })
})

describe('a number', () => {
  it.each([
    { account_mode: 'live' },
    { status: 'ready' },
    { status: 'Running' },
    { hub_status: 'live' },
    { hub_status: 'running' },
    { integration: { state: 'running' } },
    { integration: { state: 'live' } },
    { availability_status: 'running' },
    { availability_status: 'live' },
  ])('runs when 360dialog says %j', (row) => {
    expect(read(row)?.running).toBe(true)
  })

  it.each([
    {},
    { account_mode: 'sandbox', status: 'created' },
    { status: 'verified', hub_status: 'ready', integration: { state: 'ready', enabled: true } },
    { status: null, integration: null, availability_status: null },
  ])('does not run when 360dialog says %j', (row) => {
    expect(read(row)?.running).toBe(false)
  })
})

it('tells people what 360dialog said, briefly', () => {
  const row = { account_mode: 'live', status: 'ready', hub_status: 'live', integration: { state: 'running' } }
  expect(read(row)?.rawStatus).toBe('account_mode=live status=ready hub_status=live integration=running')
  expect(read({ status: 'x'.repeat(100) })?.rawStatus).toBe(`status=${'x'.repeat(40)}`)
  expect(read({})?.rawStatus).toBe('')
})
