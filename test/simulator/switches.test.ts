import { globSync, readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from '@jest/globals'
import { defaultSwitches, readSwitches, switchGroups } from '../../src/simulator/switches.ts'
import { withSimulator } from './running-simulator.ts'

const simulator = withSimulator()
const { call, submit, control } = simulator
const all = switchGroups.flatMap(({ switches }) => Object.entries(switches))

afterEach(() => simulator.hub.setSwitches(defaultSwitches))

describe('switches', () => {
  const tests = globSync('test/{simulator,notices}/*.test.ts', { exclude: ['**/switches.test.ts'] }).map(
    (file) => readFileSync(file, 'utf8'),
  )

  it.each(all)('%s has a sentence and a test that sets it', (name, { says }) => {
    expect(says).toMatch(/^\p{Lu}.*\.$/u)
    expect(tests.some((text) => new RegExp(`\\b${name}\\b(:| }|,)`).test(text))).toBe(true)
  })

  it.each(all.flatMap(([name, { choices }]) => (choices ?? []).map((choice) => [name, choice] as const)))(
    '%s can be %s, in JSON and in a form',
    async (name, choice) => {
      expect(readSwitches({ [name]: choice })).toEqual({ [name]: choice })
      expect((await submit('/control/switches', [[name, String(choice)]])).status).toBe(303)
      expect(Object.entries(simulator.hub.switches)).toContainEqual([name, choice])
    },
  )

  it.each([
    ['token_seconds', 60, 60],
    ['balance', '-1.5', -1.5],
    ['key_address', ' https://a.example ', 'https://a.example'],
  ])('%s takes %j', async (name, given, read) => {
    expect((await control('/switches', { [name]: given })).body[name]).toBe(read)
  })

  it.each<Record<string, unknown>>([
    { token_seconds: 'soon' },
    { token_seconds: '' },
    { token_seconds: null },
    { key_address: 5 },
    { payment: 'nobody' },
    { constructor: 'x' },
  ])('refuses %j, and changes nothing', async (given) => {
    expect((await control('/switches', { price_page: true, ...given })).status).toBe(400)
    expect(simulator.hub.switches).toEqual(defaultSwitches)
  })
})

describe('the page of switches', () => {
  it('shows each with its sentence and its value, marks what differs, and sets all back', async () => {
    const usual = (await call('/switches')).text
    expect(usual).not.toContain('<small>changed</small>')
    for (const [name, { says }] of all) {
      expect(usual).toContain(`name="${name}"`)
      expect(usual).toContain(says.replaceAll('&', '&amp;'))
    }
    simulator.hub.setSwitches({ quotes: 'single', token_seconds: 9 })
    const changed = (await call('/switches')).text
    expect(changed.match(/<small>changed<\/small>/g)).toHaveLength(2)
    expect(changed).toContain('<option value="single" selected>')
    expect(changed).toMatch(/name="token_seconds" type="number" step="any" value="9"/)
    const { status, headers } = await submit('/control/switches/reset', [], {
      referer: `${simulator.url}/switches`,
    })
    expect([status, headers.get('location')]).toEqual([303, '/switches'])
    expect(simulator.hub.switches).toEqual(defaultSwitches)
  })

  it('takes back what it shows, unchanged', async () => {
    const { text } = await call('/switches')
    const inputs = [...text.matchAll(/<input id="(\w+)".*? value="(.*?)"/g)].map(
      ([, name = '', value = '']) => [name, value],
    )
    const chosen = [...text.matchAll(/<select id="(\w+)".*?<option value="([^"]*)" selected>/gs)]
    const form = [...inputs, ...chosen.map(([, name = '', value = '']) => [name, value])]
    expect(form).toHaveLength(all.length)
    expect((await submit('/control/switches', form)).status).toBe(303)
    expect(simulator.hub.switches).toEqual(defaultSwitches)
  })
})
