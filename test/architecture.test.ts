import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, it } from '@jest/globals'

const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))

/** What a file imports: of ours as a path below src, of others as it is written. */
function importsOf(file: string): string[] {
  const source = readFileSync(join('src', file), 'utf8')
  const named = [...source.matchAll(/(?:from|import\()\s*'([^']+)'/g)].map(([, name = '']) => name)
  return named.map((name) => (name.startsWith('.') ? normalize(join(dirname(file), name)) : name))
}

const partOf = (file: string) => (file.includes('/') ? file.slice(0, file.indexOf('/')) : file)
const capabilities = ['admin', 'onboarding', 'permissions', 'channels', 'keys', 'product-api', 'audit']
const foundations = ['errors.ts', 'clock.ts', 'identifiers.ts', 'loopback.ts', 'paths.ts']

describe('the layer rules', () => {
  it.each(files)('%s imports only what it may', (file) => {
    for (const imported of importsOf(file)) {
      const rule = brokenRule(file, imported)
      if (rule) throw new Error(`${file} imports ${imported}: ${rule}`)
    }
  })

  it('no files import each other, not even by way of others', () => {
    // What imports nothing that is left is taken away, until nothing more can be: circles remain.
    let left = files
    let before: number
    do {
      before = left.length
      left = left.filter((file) => importsOf(file).some((imported) => left.includes(imported)))
    } while (left.length < before)
    expect(left).toEqual([])
  })

  it('only main.ts and cli.ts read the environment', () => {
    const readers = files.filter((file) => readFileSync(join('src', file), 'utf8').includes('process.env'))
    expect(readers.sort()).toEqual(['cli.ts', 'main.ts'])
  })

  it('nothing knows that it is tested', () => {
    const knowing = files.filter((file) =>
      /NODE_ENV *=== *'test'|JEST_WORKER/.test(readFileSync(join('src', file), 'utf8')),
    )
    expect(knowing).toEqual([])
  })

  it('has no drawer for everything', () => {
    expect(files.filter((file) => /(^|\/)(utils?|helpers?|common|lib|misc)(\/|\.ts$)/.test(file))).toEqual([])
  })
})

function brokenRule(file: string, imported: string): string | undefined {
  const [part, other] = [partOf(file), partOf(imported)]
  if (imported === 'got' && part !== 'd360') return 'only d360 calls 360dialog'
  if (imported.startsWith('jose') && part !== 'vault') return 'ciphertext belongs to the vault'
  if (/^express/.test(imported) && /-(service|repository)\.ts$/.test(file)) return 'a service knows no HTTP'
  if (!imported.endsWith('.ts') || part === other) return undefined
  if (part === 'simulator') return 'the simulator imports nothing of ours'
  if (other === 'simulator')
    return /^(start|commands)/.test(part) ? undefined : 'only the start runs the simulator'
  if (part === 'config') return other === 'loopback.ts' ? undefined : 'the config knows nothing of ours'
  if (foundations.includes(part)) return 'it stands on nothing of ours'
  const isLow = ['database', 'web', 'd360', 'vault'].includes(part)
  if (isLow && capabilities.includes(other)) return `${part} knows no capability`
  if (part === 'database' && !foundations.includes(other)) return 'the database knows nothing above it'
  if (/-repository\.ts$/.test(file) && /-(service|routes)\.ts$/.test(imported))
    return 'a repository calls no service'
  if (/-service\.ts$/.test(file) && /-routes\.ts$/.test(imported)) return 'a service knows no routes'
  const foreignTables =
    /-repository\.ts$/.test(imported) && capabilities.includes(part) && capabilities.includes(other)
  if (foreignTables && /-routes\.ts$/.test(file) && part !== 'product-api') return 'routes ask a service'
  return undefined
}
