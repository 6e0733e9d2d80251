import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, it } from '@jest/globals'

const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
const sourceOf = (file: string) => readFileSync(join('src', file), 'utf8')

/** What a file imports: of ours as a path below src, of others as it is written. */
function importsOf(file: string): string[] {
  const named = [...sourceOf(file).matchAll(/(?:from|import\()\s*'([^']+)'/g)].map(([, name = '']) => name)
  return named.map((name) => (name.startsWith('.') ? normalize(join(dirname(file), name)) : name))
}

const partOf = (file: string) => (file.includes('/') ? file.slice(0, file.indexOf('/')) : file)
const foundations = [
  ...['errors.ts', 'clock.ts', 'identifiers.ts', 'loopback.ts', 'paths.ts', 'plain-text.ts'],
  ...['phone-number.ts', 'email-address.ts', 'decode-text.ts', 'file-failure.ts'],
]
/** What knows no capability, and what of ours it may stand on. */
const lower: Readonly<Record<string, readonly string[]>> = {
  config: [],
  database: [],
  vault: ['database'],
  d360: ['database'],
  jobs: ['database'],
  mail: [],
  search: ['database'],
  web: [],
}
const capabilities = ['audit', 'channels', 'keys', 'notices', 'onboarding', 'product-api', 'setup', 'admin']

/** Who writes a table; everybody else asks its owner, and joins it at most. */
const owners: Readonly<Record<string, string>> = {
  migration: 'database',
  installation: 'database',
  vaultCheck: 'vault',
  callBudget: 'd360',
  hubTrouble: 'd360',
  job: 'jobs',
  searchTerm: 'search',
  auditEntry: 'audit',
  tenant: 'channels',
  client: 'channels',
  partnerHub: 'channels',
  channel: 'channels',
  observation: 'channels',
  channelChange: 'channels',
  sync: 'channels',
  mint: 'keys',
  apiKey: 'keys',
  channelTask: 'keys',
  channelHealth: 'keys',
  notice: 'notices',
  connectSession: 'onboarding',
  launch: 'onboarding',
  launchSignature: 'onboarding',
  connectReturn: 'onboarding',
  returnedChannel: 'onboarding',
  review: 'onboarding',
  ownerConfirmation: 'onboarding',
  ownerConfirmationChannel: 'onboarding',
  ownerMailStop: 'onboarding',
  failedPage: 'onboarding',
  apiToken: 'product-api',
  keyRead: 'product-api',
  admin: 'admin',
  adminSession: 'admin',
  oneTimeCode: 'admin',
  adminBrowser: 'admin',
  signInCount: 'admin',
}

describe('layer rules', () => {
  it.each(files)('%s imports only what it may', (file) => {
    for (const imported of importsOf(file)) {
      const rule = ruleAgainst(file, imported)
      if (rule) throw new Error(`${file} imports ${imported}: ${rule}`)
    }
  })

  it('nothing is loaded that production does not install', () => {
    const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8'))
    const loaded = files.flatMap((file) =>
      [...sourceOf(file).matchAll(/^(?:import|export)(?! type)[^']*? from '([^']+)'|import\('([^']+)'\)/gm)]
        .map(([, named = '', later = '']) => named || later)
        .filter((name) => !/^(\.|node:)/.test(name))
        .map((name) => ({ file, name: /^(@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? '' })),
    )
    expect(loaded.length).toBeGreaterThan(50)
    expect(loaded.filter(({ name }) => !Object.hasOwn(dependencies, name))).toEqual([
      // It goes on without it.
      { file: 'logger.ts', name: 'pino-pretty' },
    ])
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

  it('every table is written by the part that owns it, and by no other', () => {
    const writes = files.flatMap((file) =>
      [...sourceOf(file).matchAll(/(?:insertInto|updateTable|deleteFrom)\('(\w+)'/g)].map(
        ([, table = '']) => ({
          file,
          table,
          isOwn: owners[table] === partOf(file),
        }),
      ),
    )
    expect(writes.filter(({ isOwn }) => !isOwn)).toEqual([])
    expect(new Set(writes.map(({ table }) => table)).size).toBe(Object.keys(owners).length)
  })

  it('services and routes speak the domain, not the columns', () => {
    const named = files
      .filter((file) => /-(service|routes)\.ts$/.test(file) && !file.startsWith('simulator/'))
      .flatMap((file) =>
        [...codeOf(file).matchAll(/\b[a-z]+_[a-z_]+\b(?!\s*:)/g)].map(([name]) => `${file}: ${name}`),
      )
    expect(named).toEqual([])
  })

  it('only main.ts and cli.ts read the environment', () => {
    const readers = files.filter((file) => sourceOf(file).includes('process.env'))
    expect(readers.sort()).toEqual(['cli.ts', 'main.ts'])
  })

  it('nothing knows that it is tested', () => {
    expect(files.filter((file) => /NODE_ENV *=== *'test'|JEST_WORKER/.test(sourceOf(file)))).toEqual([])
  })

  it('has no drawer for everything', () => {
    expect(files.filter((file) => /(^|\/)(utils?|helpers?|common|lib|misc)(\/|\.ts$)/.test(file))).toEqual([])
  })
})

/** The source without comments and without what is between quotes. */
function codeOf(file: string): string {
  const withoutComments = sourceOf(file).replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
  return withoutComments.replaceAll(/'[^'\n]*'|sql(?:<[^`]*>)?`[^`]*`/g, '')
}

function ruleAgainst(file: string, imported: string): string | undefined {
  const [part, other] = [partOf(file), partOf(imported)]
  if (imported === 'got' && part !== 'd360') return 'only d360 calls 360dialog'
  if (imported === 'nodemailer' && part !== 'mail') return 'only mail sends mails'
  if (imported.startsWith('jose') && part !== 'vault') return 'ciphertext belongs to the vault'
  if (/^express/.test(imported) && /-(service|repository|ledger|store)\.ts$/.test(file) && part !== 'admin')
    return 'a service knows no HTTP'
  if (!imported.endsWith('.ts') || part === other) return undefined
  if (part === 'simulator') return 'the simulator imports nothing of ours'
  if (other === 'simulator')
    return /^(start|commands)/.test(part) ? undefined : 'only the start runs the simulator'
  if (foundations.includes(part))
    return foundations.includes(other) ? undefined : 'it stands on nothing of ours but its like'
  if (lower[part] && ![...lower[part], ...foundations].includes(other))
    return `${part} knows nothing above it`
  if (/-service\.ts$/.test(file) && (/-routes\.ts$/.test(imported) || other === 'web'))
    return 'a service knows no routes and no pages'
  if (part !== 'context.ts' && /-repository\.ts$/.test(imported))
    return 'a capability asks another by its service'
  const [own, its] = [capabilities.indexOf(part), capabilities.indexOf(other)]
  if (own >= 0 && its > own) return `${part} comes before ${other}: arrows go one way`
  return undefined
}
