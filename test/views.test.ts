import { globSync, readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { whos } from '../src/channels/requirement.ts'
import type { KnownRefusal } from '../src/onboarding/known-refusals.ts'
import { numberStates } from '../src/onboarding/number-state.ts'
import { type Step, type StepName, situations } from '../src/onboarding/progress.ts'

type Words = { readonly [key: string]: string | Words }

const views = globSync('views/**/*.ejs').map((file) => ({ file, text: readFileSync(file, 'utf8') }))
const sources = globSync('src/**/*.ts').map((file) => readFileSync(file, 'utf8'))
const en = flatten(JSON.parse(readFileSync('locales/en.json', 'utf8')))
const de = flatten(JSON.parse(readFileSync('locales/de.json', 'utf8')))
/** The admin area speaks English only; test/admin/words.test.ts looks closer at it. */
const admin = flatten(JSON.parse(readFileSync('locales/admin.en.json', 'utf8')), 'admin.')

const steps: Record<StepName, true> = {
  permission: true,
  check: true,
  activation: true,
  key: true,
  connected: true,
}
const stepStates: Record<Step['state'], true> = { done: true, current: true, todo: true, stopped: true }

const refusalCodes: readonly KnownRefusal['code'][] = [
  ...(['hub_blocked', 'no_new_numbers', 'limit_used_up', 'restricted_email', 'partner_email'] as const),
]

/** The keys that are put together while a page is rendered. */
const built = [
  ...situations.flatMap((situation) => [...textsOf(`status.${situation}`), `status.${situation}.wait`]),
  'status.completed.again',
  'status.no_place.again',
  ...['direct', 'partner'].map((payer) => `status.takeBack.${payer}`),
  ...numberStates.map((state) => `number.${state}`),
  ...whos.map((who) => `status.late.${who}`),
  ...['elsewhere', 'late', 'unsure'].flatMap((way) => [`return.${way}.title`, `return.${way}.text`]),
  ...Object.keys(steps).map((name) => `step.${name}`),
  ...Object.keys(stepStates).map((state) => `step.state.${state}`),
  ...['changed', 'notListed', 'unreachable', 'unclear'].map((problem) => `confirm.problem.${problem}`),
  ...['yes', 'elsewhere', 'no', 'expired', 'unknown'].flatMap((kind) => textsOf(`confirm.${kind}`)),
  ...refusalCodes.map((code) => `refusal.${code}`),
  ...['new', 'existing'].map((account) => `launch.${account}`),
  ...['expired', 'used_up', 'unknown'].flatMap((why) => textsOf(`linkEnd.${why}`)),
  ...['unreadable', 'forbidden', 'not_found', 'too_many', 'bug', 'busy', 'upstream', 'out_of_order'].flatMap(
    (kind) => textsOf(`error.${kind}`),
  ),
]

describe('the views', () => {
  it('print without escaping only other views and the body of the layout', () => {
    const unescaped = views.flatMap(({ file, text }) =>
      [...text.matchAll(/<%-\s*(.*?)\s*%>/gs)].map(([, code]) => ({ file, code })),
    )
    expect(unescaped.filter(({ code }) => code !== 'body' && !code?.startsWith('include('))).toEqual([])
    expect(unescaped.filter(({ code }) => code === 'body').map(({ file }) => file)).toEqual([
      'views/layout.ejs',
    ])
  })

  it('call nothing but what a page has at hand', () => {
    const called = views.flatMap(({ file, text }) =>
      [...text.matchAll(/<%[-=_]?(.*?)[-_]?%>/gs)].flatMap(([, code = '']) =>
        [...withoutTexts(code).matchAll(/([\w.]+)\s*\(/g)].map(([, name = '']) => ({ file, name })),
      ),
    )
    const atHand = new Set([
      'include',
      't',
      'time',
      'badge',
      'link',
      'if',
      'for',
      'Object.keys',
      'Object.entries',
    ])
    expect(called.filter(({ name }) => !atHand.has(name))).toEqual([])
  })

  it('hold no style and no script of their own, which our policy would not run', () => {
    for (const { text } of views) expect(text).not.toMatch(/<script|<style|\sstyle=|\son\w+=/)
  })
})

describe('the words', () => {
  it('give each page a title of its own', () => {
    for (const words of [en, de]) {
      const titles = [...words].filter(([key]) => key.endsWith('.title')).map(([, title]) => title)
      expect(titles.length).toBeGreaterThan(30)
      expect(titles.filter((title, at) => titles.indexOf(title) !== at)).toEqual([])
    }
  })

  it('are there in both languages, with the same places to fill in', () => {
    expect([...de.keys()].sort()).toEqual([...en.keys()].sort())
    const placesOf = (words = '') => [...words.matchAll(/\{\{\w+\}\}/g)].map(([place]) => place).sort()
    for (const [key, words] of en)
      expect([key, new Set(placesOf(de.get(key)))]).toEqual([key, new Set(placesOf(words))])
  })

  it('are there for every key that a view or a source file names', () => {
    const named = [...views.map(({ text }) => text), ...sources].flatMap((text) => [
      ...[...text.matchAll(/\bt\(\s*'([^']+)'/g)].map(([, key]) => key),
      ...[...text.matchAll(/\bt\(\s*[\w.]+ \? '([^']+)' : '([^']+)'/g)].flatMap(([, one, other]) => [
        one,
        other,
      ]),
    ])
    expect(named.length).toBeGreaterThan(40)
    expect([...named, ...built].filter((key = '') => !isThere(key))).toEqual([])
  })

  it('are all used', () => {
    const literals = new Set(
      [...views.map(({ text }) => text), ...sources].flatMap((text) =>
        [...text.matchAll(/'([\w.]+)'/g)].map(([, literal]) => literal),
      ),
    )
    expect([...en.keys()].filter((key) => !literals.has(key) && !built.includes(key))).toEqual([])
  })
})

/** The code without comments and without what its strings say; what they are put together from stays. */
function withoutTexts(code: string): string {
  if (code.startsWith('#')) return ''
  return code
    .replaceAll(/'[^']*'/g, '')
    .replaceAll(/`[^`]*`/g, (text) => [...text.matchAll(/\$\{([^}]*)\}/g)].join(' '))
}

/** Where a number decides, the key has a form for each. */
function isThere(key: string): boolean {
  return en.has(key) || admin.has(key) || admin.has(`${key}_other`)
}

function textsOf(prefix: string): string[] {
  return ['title', 'text', 'next'].map((part) => `${prefix}.${part}`)
}

function flatten(words: Words, prefix = ''): Map<string, string> {
  return new Map(
    Object.entries(words).flatMap(([name, value]) =>
      typeof value === 'string' ? [[`${prefix}${name}`, value]] : [...flatten(value, `${prefix}${name}.`)],
    ),
  )
}
