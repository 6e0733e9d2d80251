import { describe, expect, it } from '@jest/globals'
import { safeName, safeWord, shapeOf } from '../../src/d360/safe-shape.ts'

describe('the shape of an answer', () => {
  it.each<[value: unknown, shape: string]>([
    [null, 'null'],
    ['text', 'text'],
    [7, 'number'],
    [true, 'yes or no'],
    [[], 'empty list'],
    [{}, '{}'],
    [['a1CH', 'b2CH'], 'list of text'],
    [['a1CH', 7], 'list of text or number'],
    [{ shared: ['a1CH'] }, '{ shared: list of text }'],
    [[{ id: 'x' }, { id: 7, channel_id: null }], 'list of { id: text or number, channel_id: null }'],
    [[{ id: 'x' }, 'y'], 'list of { id: text } or text'],
    [{ a1CH: { id: 'x' }, '4930998877': { id: 'y' } }, '{ (another name): { id: text } }'],
    [
      { data: { data: { data: { data: { data: { data: 1 } } } } } },
      '{ data: { data: { data: { data: { data: … } } } } }',
    ],
  ])('%j is told as %s', (value, shape) => expect(shapeOf(value)).toBe(shape))
})

/** The fields of docs/360dialog.md and of the simulator's answers. */
const DOCUMENTED = `partner_redirect_url webhook_url allow_client_to_add_phone_no blocked_new_submission billing_system
  payment_required payment_plan onboarding_deeplink_add_params publishable_key brand_name logo_url country settings
  partner_channels clients api_keys count total limit offset sort filters client_id waba_account_id account_mode status
  hub_status availability_status billing_started_at terminated_at cancelled_at created_at modified_at current_limit
  current_quality_rating is_oba has_inbox is_on_biz_app setup_info phone_number phone_name was_in_use ivr
  verification_method certificate new_name_status default_language has_integration_layer error configuration_type
  region shards_number namespace external_id fb_business_id fb_account_status consents on_behalf_of_business_info
  integration enabled app_id state organisation max_channels partner_payload suspicious meta_info contact_info
  contact_user business_vertical timezone about business_description use_case webpage_url language street_name city
  email full_name zip_code created_by modified_by user_id user_name shared_client_numbers address api_key project`
const STATES = `live sandbox created unverified verified ready modified imported new_name_requested error running pending
  certificate_declined consents_signed porting_ready ready_for_migration waiting_for_migration_code active`

describe('what may be shown of a field', () => {
  it.each(['id', 'channel_id', 'shared_client_numbers', 'is_owned'])(
    'its name, when all of it is 360dialog’s: %s',
    (name) => expect(safeName(name)).toBe(name),
  )

  it.each(DOCUMENTED.split(/\s+/))('its name, when it is documented: %s', (name) =>
    expect(safeName(name)).toBe(name),
  )
  it.each(STATES.split(/\s+/))('its state, when it is documented: %s', (word) =>
    expect(safeWord(word)).toBe(word),
  )

  it.each([
    '',
    'a1CH',
    'anna',
    'anna@shop.example',
    '+4930998877',
    'id_anna',
    'constructor',
    '__proto__',
    'x'.repeat(99),
  ])('not its name, when it may be an id: %s', (name) => expect(safeName(name)).toBe('(another name)'))

  it.each<[unknown, string]>([
    ['live', 'live'],
    ['LIVE', 'LIVE'],
    ['pending', 'pending'],
    [null, 'none'],
    [undefined, 'none'],
    [false, 'no'],
    ['Anna', '(another text)'],
    ['a1CH', '(another text)'],
    [4930998877, '(another number)'],
    [{ id: 'x' }, '(another object)'],
  ])('of the state %j: %s', (value, word) => expect(safeWord(value)).toBe(word))
})
