import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { ConfigError } from '../../src/config/config.ts'
import { readEnvFile } from '../../src/config/env-file.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-env-'))
  path = join(folder, '.env')
})
afterEach(() => rmSync(folder, { recursive: true }))

function read(content: string | Buffer, environment: NodeJS.ProcessEnv = {}) {
  writeFileSync(path, content)
  const { cutOff, problems } = readEnvFile(environment, path)
  return { environment, cutOff: [...cutOff], problems: problems.map(({ problem }) => problem) }
}

function refusalOf(): string[] {
  try {
    readEnvFile({}, path)
  } catch (error) {
    if (error instanceof ConfigError)
      return error.problems.map(({ setting, problem, remedy }) => `${setting} ${problem}. ${remedy}`)
    throw error
  }
  return []
}

describe('the .env file', () => {
  it('adds its settings to those of the environment, which win', () => {
    const content =
      '# comment\n\nA=1\nexport B = "2 \' x" # comment\n  C=\'{\n"k":\n"v"}\'\nD=\nE=it\'s # so\nF=`"q"`\nG.h-i=a b\n'
    const { environment, cutOff, problems } = read(content, { A: 'own' })
    expect({ cutOff, problems }).toEqual({ cutOff: [], problems: [] })
    expect(environment).toEqual({
      ...{ A: 'own', B: "2 ' x", C: '{\n"k":\n"v"}', D: '', E: "it's", F: '"q"', 'G.h-i': 'a b' },
    })
  })

  it.each([
    ['a mark of UTF-8', Buffer.from('\uFEFFA=ä\nB=2\n')],
    ['UTF-16 of Windows', Buffer.from('\uFEFFA=ä\r\nB=2\r\n', 'utf16le')],
    ['UTF-16 without a mark', Buffer.from('A=ä\nB=2\n', 'utf16le')],
    ['the line ends of Windows', Buffer.from('A="ä"\r\nB=2\r\n')],
    ['no line end at its end', Buffer.from('A=ä\nB=2')],
  ])('is read with %s', (_, bytes) => {
    expect(read(bytes)).toEqual({ environment: { A: 'ä', B: '2' }, cutOff: [], problems: [] })
  })

  it('may be missing, or empty', () => {
    expect(readEnvFile({}, path)).toEqual({ cutOff: new Set(), problems: [] })
    expect(read('').environment).toEqual({})
  })

  it.each([
    ['A: 1\n', '1'],
    ['B=1\nA 1\n', '2'],
    ['$env:A = "1"\n', '1'],
    ['B=1\n\n# c\nset A=1\n', '4'],
    ['- A=1\n', '1'],
    ['ENV A=1\n', '1'],
    ['D360_PARTNER_ID\n', '1'],
    ['{\n  "A": "1"\n}\n', '1, 2, 3'],
    ['B="x\ny"\nA\n', '3'],
    ['a\nb\nc\nd\ne\nf\ng\n', '1, 2, 3, 4, 5 and 2 more'],
  ])('is named with the lines that hold no setting: %j', (content, lines) => {
    const problem = expect.stringMatching(new RegExp(`^has what is not a setting in lines? ${lines}$`))
    expect(read(content).problems).toEqual([problem])
  })

  it.each([
    ['A="x" "y"\n', 'has more behind the closing quote in line 1, which would be lost'],
    ['B=1\nA="Nord \\"C\\" x"\n', 'has more behind the closing quote in line 2, which would be lost'],
    ['A="Nord\nB="x <y@z>"\nC=1\n', 'has more behind the closing quote in line 1, which would be lost'],
    ["A='it's'\n", 'has more behind the closing quote in line 1, which would be lost'],
    ['A="Nord\nB=1\n', 'has a quote in line 1 that is not closed'],
    ["B=1\nA= 'x\n", 'has a quote in line 2 that is not closed'],
  ])('is named with the quotes that would lose something: %j', (content, problem) => {
    expect(read(content).problems).toEqual([problem])
  })

  it('names what it holds more of than was read', () => {
    const { cutOff } = read('A=#0b5\nB=x#y\nC=x #y\nD="#"\nE= # none\nF=a b#c\nOWN=#', { OWN: '1' })
    expect(cutOff).toEqual(['A', 'B', 'F'])
  })

  it('is named when it is a folder', () => {
    mkdirSync(path)
    expect(refusalOf()).toEqual([
      expect.stringMatching(/^\.env is a folder, not a file of settings\. Delete or rename it/),
    ])
  })

  it.each([
    ['a picture', Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 0x1a, 10]), ' (from line 1, column 1)'],
    ['half of a UTF-16 letter', Buffer.from([0xff, 0xfe, 65]), ''],
    ['Windows-1252', Buffer.from('B=1\r\nA=Käse', 'latin1'), ' (from line 2, column 4)'],
  ])('is named when it is %s', (_, bytes, from) => {
    writeFileSync(path, bytes)
    expect(refusalOf()).toEqual([`.env is not text in UTF-8 or UTF-16${from}. Save it again, as UTF-8.`])
  })

  it('is named when it is a link that leads nowhere, or to itself', () => {
    symlinkSync(join(folder, 'gone'), path)
    expect(refusalOf()).toEqual([expect.stringContaining('.env is not there (ENOENT). Put the file there')])
    rmSync(path)
    symlinkSync(path, path)
    expect(refusalOf()).toEqual([expect.stringContaining('.env is a link that leads to itself (ELOOP)')])
  })

  it('is named when it is a socket', async () => {
    const server = createServer()
    await new Promise<void>((listening) => server.listen(path, listening))
    expect(refusalOf()).toEqual([expect.stringContaining('.env is not a file (ENXIO)')])
    server.close()
  })

  it('tells nothing of its content', () => {
    const { problems } = read('canary\nA="canary" "canary"\nB="canary')
    expect(problems).toHaveLength(3)
    expect(problems.join()).not.toContain('canary')
  })
})
