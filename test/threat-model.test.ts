import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'

const document = readFileSync('docs/threat-model.md', 'utf8')
const attacks = document
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| attack '))
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, attack = '', rule = '', test = '']) => ({ attack, rule, test }))

describe('the threat model', () => {
  it('has a line for each attack', () => expect(attacks.length).toBeGreaterThan(40))

  it.each(attacks)('is shown by a test that is there: $attack', ({ rule, test }) => {
    const [, path = '', title = ''] = /^(test\/\S+\.test\.ts) › (.{10,})$/.exec(test) ?? []
    expect([rule !== '', path, existsSync(path)]).toEqual([true, path, true])
    // Written as in the source, where a quotation mark in a title may be escaped.
    expect(readFileSync(path, 'utf8').replaceAll("\\'", "'")).toContain(title)
  })
})
