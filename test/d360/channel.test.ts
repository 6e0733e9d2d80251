import { describe, expect, it } from '@jest/globals'
import { readChannel } from '../../src/d360/channel.ts'

const now = new Date('2026-03-02T09:00:00Z')

describe('a row of the channel list', () => {
  it('is read as documented', () => {
    const row = {
      id: 'w8YtR4CH',
      client_id: 'kLm2QxCL',
      client: { id: 'kLm2QxCL', contact_info: { email: ' IT@Backhaus-Lind.example ' } },
      account_mode: 'live',
      status: 'ready',
      hub_status: 'live',
      terminated_at: null,
      created_at: '2026-03-02T09:20:00Z',
      current_limit: 'TIER_1K',
      setup_info: { phone_number: '+4930123456', phone_name: 'Backhaus Lind', error: null },
      integration: { enabled: true, app_id: '104148', state: 'running' },
    }
    expect(readChannel(row, now)).toEqual({
      id: 'w8YtR4CH',
      clientId: 'kLm2QxCL',
      phoneNumber: '+4930123456',
      displayName: 'Backhaus Lind',
      status: 'live',
      rawStatus: 'account_mode=live status=ready hub_status=live integration=running',
      running: true,
      createdAt: new Date('2026-03-02T09:20:00Z'),
      facts: { messagingLimit: 'TIER_1K' },
    })
  })

  it('may lack everything but its ids', () => {
    const nothing = {
      client: null,
      setup_info: null,
      integration: null,
      waba_account: null,
      created_at: null,
    }
    expect(readChannel({ id: 'ch1', client_id: 'cl1', ...nothing }, now)).toMatchObject({
      id: 'ch1',
      phoneNumber: undefined,
    })
    const odd = { client: 7, setup_info: [], integration: 'x', created_at: 'yesterday', app_id: {} }
    expect(readChannel({ id: 1, client_id: 2, ...odd }, now)).toMatchObject({
      id: '1',
      clientId: '2',
      status: 'draft',
    })
  })

  it('takes the client from the nested object when need be', () => {
    expect(readChannel({ id: 'ch1', client: { id: 'cl1' } }, now)?.clientId).toBe('cl1')
  })

  it.each([null, 'ch1', [], {}, { id: 'ch1' }, { id: '', client_id: 'cl1' }, { id: null, client_id: 'cl1' }])(
    'is no channel when it is %j',
    (row) => {
      expect(readChannel(row, now)).toBeUndefined()
    },
  )

  it.each([
    ['4930123456', '+4930123456'],
    ['+49 30 123-456', '+4930123456'],
    ['0049 (30) 123456', '+4930123456'],
    ['+49 (0)30 123456', '+4930123456'],
    ['"4930123456"', '+4930123456'],
    [4930123456, '+4930123456'],
    ['12345', undefined],
    ['', undefined],
    [null, undefined],
  ])('reads the phone number %j as %s', (spelling, phoneNumber) => {
    const row = { id: 'ch1', client_id: 'cl1', setup_info: { phone_number: spelling } }
    expect(readChannel(row, now)?.phoneNumber).toBe(phoneNumber)
  })

  it.each<[object, string | undefined]>([
    [{ phone_number: '4930123456' }, '+4930123456'],
    [{ display_phone_number: '+49 30 123456' }, '+4930123456'],
    [{ setup_info: { display_phone_number: '+49 30 123456' } }, '+4930123456'],
    [{ setup_info: null, phone_number: 4930123456 }, '+4930123456'],
    [{ setup_info: {}, display_phone_number: '+49 30 123456' }, '+4930123456'],
    [{ setup_info: { phone_number: null }, phone_number: '+4930123456' }, '+4930123456'],
    [{ setup_info: { phone_number: '' }, phone_number: '+4930123456' }, '+4930123456'],
    [
      { setup_info: { phone_number: 'n/a' }, phone_number: null, display_phone_number: '4930123456' },
      '+4930123456',
    ],
    // Where they differ, the documented place counts.
    [{ setup_info: { phone_number: '+4930123456' }, phone_number: '+4930999999' }, '+4930123456'],
    [{ phone_number: '+4930123456', display_phone_number: '+4930999999' }, '+4930123456'],
    [{ phone_number: { number: '+4930123456' } }, undefined],
    [{ phone_number_id: '104148562' }, undefined],
    [{ client: { contact_info: { phone: '+4930123456' } } }, undefined],
    [{}, undefined],
  ])('finds its phone number in %j', (row, phoneNumber) => {
    expect(readChannel({ id: 'ch1', client_id: 'cl1', ...row }, now)?.phoneNumber).toBe(phoneNumber)
  })

  it.each([
    ['2026-03-02T09:20:00Z', '2026-03-02T09:20:00.000Z'],
    ['2026-03-02T09:20:00.123456Z', '2026-03-02T09:20:00.123Z'],
    ['2026-03-02T09:20:00', '2026-03-02T09:20:00.000Z'],
    ['2026-03-02 09:20:00.5', '2026-03-02T09:20:00.500Z'],
    ['2026-03-02T09:20:00+02:00', '2026-03-02T07:20:00.000Z'],
    ['2026-03-02', '2026-03-02T00:00:00.000Z'],
    ['Mon, 02 Mar 2026 09:20:00 GMT', '2026-03-02T09:20:00.000Z'],
    [1772443200, '2026-03-02T09:20:00.000Z'],
    ['2026-13-45T00:00:00Z', undefined],
    ['02.03.2026', undefined],
    // Nothing that is listed is still to be created.
    ['2026-03-03T09:20:00Z', undefined],
    ['9999-12-31T00:00:00Z', undefined],
    [{}, undefined],
  ])('reads the time %j as %s, without a zone as UTC', (said, time) => {
    const read = readChannel({ id: 'ch1', client_id: 'cl1', created_at: said }, now)
    expect(read?.createdAt?.toISOString()).toBe(time)
    expect(read?.facts.unreadDates).toEqual(time ? undefined : ['created_at'])
  })

  it.each([undefined, null, '', ' ', '\0'])('has no time where none is said: %j', (said) => {
    const dates = { created_at: said, billing_started_at: said, terminated_at: said, cancelled_at: said }
    expect(readChannel({ id: 'ch1', client_id: 'cl1', account_mode: 'live', ...dates }, now)).toMatchObject({
      ...{ status: 'live', rawStatus: 'account_mode=live', createdAt: undefined, facts: {} },
    })
  })

  it('keeps what else is told of it, and leaves out what is not', () => {
    const waba = {
      ...{
        id: 'pQ7dZ2WA',
        name: 'Backhaus Lind',
        namespace: '0b1c',
        external_id: '1040',
        fb_business_id: null,
      },
      on_behalf_of_business_info: { id: '3', type: 'SELF' },
    }
    const row = {
      ...{
        id: 'ch1',
        client_id: 'cl1',
        current_limit: 'TIER_1K',
        current_quality_rating: '',
        is_on_biz_app: true,
      },
      ...{ cancelled_at: '2026-05-01T00:00:00Z', billing_started_at: null, waba_account: waba },
    }
    expect(readChannel(row, now)?.facts).toEqual({
      ...{ messagingLimit: 'TIER_1K', isOnBusinessApp: true, endsAt: '2026-05-01T00:00:00.000Z' },
      waba: { id: 'pQ7dZ2WA', name: 'Backhaus Lind', namespace: '0b1c', external_id: '1040', type: 'SELF' },
    })
  })

  it.each<[object, string | undefined]>([
    [{ terminated_at: '2026-05-01T00:00:00Z' }, '2026-05-01T00:00:00.000Z'],
    [{ terminated_at: '2026-02-01T00:00:00Z' }, '2026-02-01T00:00:00.000Z'],
    [{ cancelled_at: '2026-05-01T00:00:00Z' }, '2026-05-01T00:00:00.000Z'],
    // That is when somebody asked for it.
    [{ cancelled_at: '2026-02-01T00:00:00Z' }, undefined],
    [
      { cancelled_at: '2026-02-01T00:00:00Z', terminated_at: '2026-05-01T00:00:00Z' },
      '2026-05-01T00:00:00.000Z',
    ],
    [{ cancelled_at: 'soon' }, undefined],
    [{ cancelled_at: '2026-05-01T00:00:00Z', terminated_at: 'soon' }, undefined],
    [{ cancelled_at: 'Fri, 01 May 2026 00:00:00 GMT' }, '2026-05-01T00:00:00.000Z'],
  ])('with %j ends at %s', (said, endsAt) => {
    expect(readChannel({ id: 'ch1', client_id: 'cl1', ...said }, now)?.facts.endsAt).toBe(endsAt)
  })

  it.each<[string | undefined, object]>([
    [undefined, {}],
    [undefined, { ownership: 'odd' }],
    ['owned', { ownership: 'owned' }],
    ['shared', { ownership: 'SHARED' }],
    ['shared', { access_type: 'shared_access' }],
    ['owned', { access_type: 'owner' }],
    ['shared', { access: 'shared' }],
    ['shared', { is_owned: false }],
    ['owned', { is_owned: true }],
  ])('is %s for %j', (ownership, said) => {
    expect(readChannel({ id: 'ch1', client_id: 'cl1', ...said }, now)?.facts.ownership).toBe(ownership)
  })
})
