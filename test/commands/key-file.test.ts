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
      'Line 2, column 4: has a control character.',
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
    if (name === undefined) expect(read).toThrow('Line 2, column 1: a quote is not closed')
    else expect(read()).toMatchObject([{ tenant: { id: 't1', name } }])
  })

  const rows = ['channel,tenant,key,tenant_name', 'c1,t1,K1,Shop', 'c2,t2,K2,Laden'].join('\n')
  const spaced = rows.replaceAll(',', ', ')
  it.each([
    ['with semicolons', rows.replaceAll(',', ';')],
    ['with tabs', rows.replaceAll(',', '\t')],
    ['with bars', rows.replaceAll(',', '|')],
    ['with blanks behind commas', spaced],
    ['with blanks before and behind, and tabs', rows.replaceAll(',', ' \t,\t  ')],
    ['with no-break spaces behind commas', rows.replaceAll(',', ',\u00a0')],
    ['with blanks behind semicolons', rows.replaceAll(',', '; ')],
    ['with blanks before quotes', spaced.replace(/\w+$/gm, '"$&" ')],
    ['with a quote around each field', rows.replace(/\w+/g, '"$&"')],
    ['with a mark of UTF-8', `\uFEFF${rows}`],
    ['with an upper-case head', rows.replace(/.*/, (head) => head.toUpperCase())],
    ['with a head of words', rows.replace('tenant_name', 'Tenant Name').replace('channel', ' Channel ')],
    ['with a head of hyphens', rows.replace('tenant_name', 'TENANT-NAME')],
    ['with the line ends of Windows', rows.replaceAll('\n', '\r\n')],
    ['with the line ends of old Macs', rows.replaceAll('\n', '\r')],
    ['with empty rows of a spreadsheet', `${rows}\n,,,\n ; ; \n\t\t\n`],
    ['with empty columns of a spreadsheet', rows.replace(/$/gm, ',,')],
    ['with a blank line before the head', `\n${rows}`],
    ['with the separator named', `sep=;\n${rows.replaceAll(',', ';')}`],
    ['with columns in another order', 'KEY;Tenant_Name;channel;tenant\nK1;Shop;c1;t1\nK2;Laden;c2;t2\n'],
  ])('is read %s', (_, text) => {
    expect(readKeyFile(text)).toMatchObject([
      { channelId: 'c1', tenant: { id: 't1', name: 'Shop' }, apiKey: 'K1', address: undefined },
      { channelId: 'c2', tenant: { id: 't2', name: 'Laden' }, apiKey: 'K2', address: undefined },
    ])
  })

  it('may leave out what a row has not, where a spreadsheet writes empty fields', () => {
    expect(readKeyFile('key;channel;tenant;tenant_name;address;\nK1;c1;t1;;;\n')).toMatchObject([
      { channelId: 'c1', tenant: { id: 't1', name: 't1' }, apiKey: 'K1', address: undefined },
    ])
  })

  it.each([
    ['is empty', '', 'Line 1, column 1: the column channel and tenant and key is missing.'],
    ['has no column for the key', 'channel,tenant\nc1,t1\n', 'Line 1, column 3: the column key is missing.'],
    [
      'has a column twice',
      `${HEAD},Key\nc1,t1,SECRET,SECRET\n`,
      'Line 1, column 4: the column key is there twice.',
    ],
    [
      'has a column that is not known',
      `${HEAD},secret\nc1,t1,SECRET,S\n`,
      'Line 1, column 4: this is not the name',
    ],
    ['has an empty column', 'channel,,tenant,key\nc1,,t1,SECRET\n', 'Line 1, column 2: this is not the name'],
    ['begins without a head', 'c1,t1,SECRET\n', 'Line 1, column 1: this is not the name of a column.'],
    [
      'has separators of its own',
      'channel:tenant:key\nc1:t1:SECRET',
      'Line 1, column 1: this is not the name',
    ],
    [
      'begins late without a head',
      '\n\nc1,t1,SECRET\n',
      'Line 3, column 1: this is not the name of a column.',
    ],
    ['has an open quote in its head', 'channel,"tenant,key\n', 'Line 1, column 2: a quote is not closed'],
  ])('is refused when it %s', (_, text, problem) => {
    const problems = problemsOf(text)
    expect(problems).toContain(problem)
    if (problem.includes('name of a column') || problem.includes('missing'))
      expect(problems).toContain(
        'The first line must name the columns: channel,tenant,key and, if you have them, tenant_name and address.',
      )
    expect(problems).not.toMatch(/SEC|c1/)
  })

  it.each([
    ['a field too many', 'c1,t1,SECRET,SECRET', 4, 'has 4 fields, not 3.'],
    ['a field too few', 'c1,SECRET', 3, 'has 2 fields, not 3.'],
    ['other separators than the head', 'c1;t1;SECRET', 2, 'has 1 field, not 3.'],
    ['an open quote', 'c1,t1,"SECRET', 3, 'a quote is not closed'],
    ['a quote inside', 'c1,t1,SEC"RET', 3, 'a quote is not closed'],
    ['letters after a quote', 'c1,"t"1,SECRET', 2, 'a quote is not closed'],
    ['a field of two lines', 'c1,t1,"SEC\nRET"', 3, 'a quote is not closed'],
    ['no channel', ',t1,SECRET', 1, 'the channel is not a channel id.'],
    ['no tenant', 'c1,,SECRET', 2, 'the tenant takes'],
    ['a tenant of a sign-up', 'c1,self_1,SECRET', 2, 'the tenant takes'],
    ['no key', 'c1,t1,', 3, 'the key is missing.'],
    ['a key with a space', 'c1,t1,SEC RET', 3, 'the key has spaces'],
    ['a key with a tab', 'c1,t1,SEC\tRET', 3, 'the key has spaces'],
    ['a key that is too long', `c1,t1,${'SECRET'.repeat(100)}`, 3, 'the key has spaces'],
    ['a key of other letters', 'c1,t1,SECRÉT', 3, 'the key has spaces'],
  ])('is refused for %s, by line and column and without the key', (_, line, column, problem) => {
    const problems = problemsOf(`${HEAD}\nc0,t0,K0\n${line}\n`)
    expect(problems).toContain(`Line 3, column ${column}: ${problem}`)
    expect(problems).not.toMatch(/SEC|RET/)
  })

  it('is refused when a channel is on two lines, and when there are no keys', () => {
    expect(problemsOf(`${HEAD}\nc1,t1,A\nc1,t1,B\n`)).toContain(
      'Line 3, column 1: the channel is already on line 2.',
    )
    expect(problemsOf(`${HEAD}\n`)).toContain('The file has no keys.')
  })

  it('is refused with every problem at once, and not with thousands', () => {
    const problems = problemsOf([HEAD, ...Array.from({ length: 1000 }, () => 'c1,t1,')].join('\n'))
    expect(problems.split('\n')).toHaveLength(22)
    expect(problems).toContain('and 980 more.')
  })
})
