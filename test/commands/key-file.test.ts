import { describe, expect, it } from '@jest/globals'
import { UsageError } from '../../src/commands/command.ts'
import { readKeyFile } from '../../src/commands/key-file.ts'

const HEAD = 'channel,tenant,key'

function problemsOf(text: string): string {
  try {
    readKeyFile(text)
  } catch (error) {
    if (error instanceof UsageError) return error.message
    throw error
  }
  throw new Error('it could be read')
}

describe('the file of an import', () => {
  it('is read with its lines, whatever the order of its columns and the kind of its line ends', () => {
    expect(
      readKeyFile(`\uFEFFkey, tenant,channel,address\r\nK1,t:1,c1,\r\n\r\nK2,t2,c2,https://x.example\r\n`),
    ).toEqual([
      { line: 2, channelId: 'c1', tenant: { id: 't:1', name: 't:1' }, apiKey: 'K1', address: undefined },
      {
        line: 4,
        channelId: 'c2',
        tenant: { id: 't2', name: 't2' },
        apiKey: 'K2',
        address: 'https://x.example',
      },
    ])
    expect(readKeyFile(`${HEAD},tenant_name\nc1,t1,K1," Shop, A "`)).toMatchObject([
      { tenant: { name: 'Shop, A' } },
    ])
  })

  it.each(['\0', '\t', '\x7f', '\x85'])('is refused for a name with a control character: %j', (control) => {
    expect(problemsOf(`${HEAD},tenant_name\nc1,t1,K1,Sh${control}op\n`)).toContain(
      'Line 2: has a control character.',
    )
  })

  it.each([
    ['Shop', 'Shop'],
    ['', 't1'],
    ['""', 't1'],
    ['"Shop, A"', 'Shop, A'],
    ['"Shop ""A""', undefined],
    ['"Shop ""A"" B"', 'Shop "A" B'],
  ])('reads a field of CSV: %s', (field, name) => {
    const read = () => readKeyFile(`tenant_name,${HEAD}\n${field},c1,t1,K1\n`)
    if (name === undefined) expect(read).toThrow('Line 2: a quote is not closed')
    else expect(read()).toMatchObject([{ tenant: { id: 't1', name } }])
  })

  it.each([
    ['is empty', ''],
    ['has semicolons', 'channel;tenant;key\nc1;t1;SECRET\n'],
    ['has no column for the key', 'channel,tenant\nc1,t1\n'],
    ['has a column twice', `${HEAD},key\nc1,t1,SECRET,SECRET\n`],
    ['has a column that is not known', `${HEAD},secret\nc1,t1,SECRET,SECRET\n`],
    ['begins without a head', 'c1,t1,SECRET\n'],
  ])('is refused when it %s', (_, text) => {
    expect(problemsOf(text)).toBe(
      'The first line must name the columns: channel,tenant,key and, if you have them, tenant_name and address.',
    )
  })

  it.each([
    ['a field too many', 'c1,t1,SECRET,SECRET', 'has 4 fields, not 3.'],
    ['a field too few', 'c1,SECRET', 'has 2 fields, not 3.'],
    ['an open quote', 'c1,t1,"SECRET', 'a quote is not closed'],
    ['a quote inside', 'c1,t1,SEC"RET', 'a quote is not closed'],
    ['letters after a quote', 'c1,t1,"SEC"RET', 'a quote is not closed'],
    ['a field of two lines', 'c1,t1,"SEC\nRET"', 'a quote is not closed'],
    ['no channel', ',t1,SECRET', 'the channel is not a channel id.'],
    ['no tenant', 'c1,,SECRET', 'the tenant takes'],
    ['a tenant of a sign-up', 'c1,self_1,SECRET', 'the tenant takes'],
    ['no key', 'c1,t1,', 'the key is missing.'],
    ['a key with a space', 'c1,t1, SECRET', 'the key has spaces'],
    ['a key with a tab', 'c1,t1,SECRET\t', 'the key has spaces'],
    ['a key that is too long', `c1,t1,${'SECRET'.repeat(100)}`, 'the key has spaces'],
    ['a key of other letters', 'c1,t1,SECRÉT', 'the key has spaces'],
  ])('is refused for %s, by the line and without the key', (_, line, problem) => {
    const problems = problemsOf(`${HEAD}\nc0,t0,K0\n${line}\n`)
    expect(problems).toContain(`Line 3: ${problem}`)
    expect(problems).not.toMatch(/SEC|RET/)
  })

  it('is refused when a channel is on two lines, and when there are no keys', () => {
    expect(problemsOf(`${HEAD}\nc1,t1,A\nc1,t1,B\n`)).toContain('Line 3: the channel is already on line 2.')
    expect(problemsOf(`${HEAD}\n`)).toContain('The file has no keys.')
  })

  it('is refused with every problem at once, and not with thousands', () => {
    const problems = problemsOf([HEAD, ...Array.from({ length: 1000 }, () => 'c1,t1,')].join('\n'))
    expect(problems.split('\n')).toHaveLength(22)
    expect(problems).toContain('and 980 more.')
  })
})
