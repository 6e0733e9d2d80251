import { afterEach, beforeEach, expect, it } from '@jest/globals'
import { HubFacts } from '../../src/d360/hub-facts.ts'
import { PartnerApiError } from '../../src/errors.ts'

type Hub = (path: string, filters: Record<string, string> | undefined) => unknown

const row = (nth: number, more: object = {}) => ({
  id: `planted${nth}CH`,
  client_id: 'plantedCL',
  client: { id: 'plantedCL', name: 'Planted Shop', contact_info: { email: 'planted@shop.example' } },
  setup_info: { phone_number: '+4930998877', phone_name: 'Planted Number' },
  status: 'ready',
  ...more,
})
const rows = [
  row(1, {
    account_mode: 'live',
    hub_status: 'planted_word',
    integration: { state: 'running' },
    owned: true,
  }),
  row(2, { account_mode: null, plantedname_access: 'plantedCL', shared_with: ['planted@shop.example'] }),
]
const key = { id: '201126', address: 'https://planted.example', api_key: 'planted-key', app_id: '104148' }
const honest: Hub = (path, filters) => {
  if (path === '')
    return { id: 'plantedPA', brand_name: 'Planted Brand', webhook_url: 'https://planted.example' }
  if (path === 'channels') {
    const found = filters
      ? rows.filter((one) =>
          Object.entries(filters).every(([name, value]) => Reflect.get(one, name) === value),
        )
      : rows
    return { total: 2, partner_channels: found }
  }
  if (path === 'clients') return { clients: [{ id: 'plantedCL', name: 'Planted Shop' }] }
  if (path.endsWith('api_keys')) return { api_keys: [{ ...key, api_key: '****abcd' }] }
  return { planted1CH: { phone_number: '+4930998877', permission: 'planted' } }
}

let hub: Hub
let asked: string[]
beforeEach(() => {
  hub = honest
  asked = []
})
afterEach(() => expect(asked.length).toBeLessThan(12))

async function collect(withKey = ['planted1CH']): Promise<Record<string, string>> {
  const facts = new HubFacts({
    peek: async (path, { filters }) => {
      asked.push(path.join('/'))
      return hub(path.join('/'), filters === undefined ? undefined : JSON.parse(filters))
    },
  })
  const collected = await facts.collect(new Set(withKey))
  expect(JSON.stringify(collected)).not.toMatch(/planted|4930|201126|104148|abcd/i)
  return Object.fromEntries(collected.map(({ question, answer }) => [question, answer]))
}

it('tells what is not documented, and nobody’s id, name, number or address', async () => {
  expect(await collect()).toMatchObject({
    'the hub': '{ id: text, brand_name: text, webhook_url: text }',
    'numbers by id': 'the filter is honoured',
    'numbers by client_id': 'the filter is honoured',
    'clients by id': 'the filter is honoured',
    'key records':
      '{ api_keys: list of { id: text, address: text, api_key: text, app_id: text } }; keys: masked',
    'shared numbers': '{ (another name): { phone_number: text, permission: text } }',
    account_mode: 'with a key of ours: live 1; others: none 1',
    hub_status: 'with a key of ours: (another text) 1; others: none 1',
    'integration.state': 'with a key of ours: running 1; others: none 1',
    'owned or shared':
      'owned: yes 1, none 1; (another name): none 1, (another text) 1; (another name): none 1, (another object) 1',
  })
})

it('finds filters that are ignored, find nothing, or are refused', async () => {
  hub = (path, filters) => {
    if (path === 'clients' && filters) throw new PartnerApiError('refused', 400)
    if (path === 'channels' && filters?.client_id) return []
    return honest(path, path === 'channels' ? undefined : filters)
  }
  expect(await collect()).toMatchObject({
    'numbers by id': 'the filter is ignored',
    'numbers by client_id': 'nothing was found',
    'clients by id': 'no answer that can be read: 400',
  })
})

it('tells a key that is shown whole, and never the key', async () => {
  hub = (path, filters) => (path.endsWith('api_keys') ? [key] : honest(path, filters))
  expect((await collect())['key records']).toMatch(/; keys: text$/)
})

it.each(['shared_client_numbers', 'api_keys'])('goes on when %s is refused', async (call) => {
  hub = (path, filters) => {
    if (path.endsWith(call)) throw new PartnerApiError('refused', 403)
    return honest(path, filters)
  }
  expect(
    Object.values(await collect()).filter((answer) => answer === 'no answer that can be read: 403'),
  ).toHaveLength(1)
})

it.each<[what: string, answer: unknown]>([
  ['nothing', undefined],
  ['an empty list', []],
  ['rows of another shape', { partner_channels: ['plantedCH', null, { planted: 1 }] }],
])('does without numbers: %s', async (_what, answer) => {
  hub = () => answer
  expect(await collect([])).toMatchObject({
    'shared numbers': 'Not asked: there is no number.',
    'key records': 'Not asked: there is no number.',
    'owned or shared': 'no field with such a name',
  })
})
