import { describe, expect, it } from '@jest/globals'
import { type Config, loadConfig } from '../../src/config/config.ts'
import { withoutQuotes } from '../../src/config/quotes.ts'
import { settingRows } from '../../src/config/settings.ts'
import { errorOf, live, settingsWithProblems } from './config-environments.ts'

/** What the settings come to, and whose quotes were said to be taken off. */
function load(more: NodeJS.ProcessEnv, files: Readonly<Record<string, string>> = {}) {
  const said: string[] = []
  const config = loadConfig(
    { ...live, ...more },
    { readFile: (path) => files[path] ?? '', onUnquoted: (names) => said.push(...names) },
  )
  return { config, said }
}

describe('quotes around a setting', () => {
  it.each([
    ['"Nordlicht"', 'Nordlicht'],
    ["'Nordlicht'", 'Nordlicht'],
    ['`Nordlicht`', 'Nordlicht'],
    ['“Nordlicht”', 'Nordlicht'],
    ['„Nordlicht“', 'Nordlicht'],
    ['«Nordlicht»', 'Nordlicht'],
    ['’Nordlicht’', 'Nordlicht'],
    [`'"Nordlicht"'`, 'Nordlicht'],
    [`"'Nordlicht'"`, 'Nordlicht'],
    ['  " Nordlicht "  ', 'Nordlicht'],
    ['"Nordlicht \\"CRM\\""', 'Nordlicht "CRM"'],
    ['\'Nordlicht "CRM"\'', 'Nordlicht "CRM"'],
    ['"new" "old"', 'new old'],
    ["'new'  'old'", 'new old'],
    ['"{"keys":[]}"', '{"keys":[]}'],
    ['"{\\"keys\\":[]}"', '{"keys":[]}'],
    ['""', ''],
    ["''", ''],
  ])('are taken off %s', (text, meant) => {
    expect(withoutQuotes(text)).toBe(meant)
  })

  it.each([
    ...['Nordlicht', '"Nordlicht', 'Nordlicht"', '"', "'", '"Nordlicht\'', '“Nordlicht"', 'Nord"licht"', ''],
    ...[
      '"Nordlicht" <a@n.example>',
      '"A" and "B"',
      "'s Shop",
      "The Boys'",
      '{"a":"b"}',
      '["a","b"]',
      '\\"x\\"',
    ],
  ])('are left alone where they are no pair around it: %s', (text) => {
    expect(withoutQuotes(text)).toBe(text)
  })

  it.each<[NodeJS.ProcessEnv, (config: Config) => unknown, unknown]>([
    [{ BRAND_NAME: '"Nordlicht"' }, (c) => c.brand.name, 'Nordlicht'],
    [{ BRAND_NAME: '„Nordlicht“' }, (c) => c.brand.name, 'Nordlicht'],
    [{ D360_PARTNER_API_KEY: '"k-1"' }, (c) => c.partnerApi.credentials, { apiKey: 'k-1' }],
    [{ D360_PARTNER_API_KEY: `'"k-1"'` }, (c) => c.partnerApi.credentials, { apiKey: 'k-1' }],
    [{ D360_PLATFORM_SECRET: '"new" "old"' }, (c) => c.notices.secrets, ['new', 'old']],
    [{ D360_PLATFORM_SECRET: '"new old"' }, (c) => c.notices.secrets, ['new', 'old']],
    [{ PORT: '"8080"' }, (c) => c.port, 8080],
    [{ HOST: "'::1'" }, (c) => c.host, '::1'],
    [{ DATABASE_URL: '"sqlite:x/l.db"' }, (c) => c.databaseUrl, 'sqlite:x/l.db'],
    [{ BRAND_COLOR: '“#0b5fff”' }, (c) => c.brand.color, '#0b5fff'],
    [{ VAULT_KEYS: `"${live.VAULT_KEYS}"` }, (c) => c.vaultKeys.length, 1],
    [{ VAULT_KEYS: JSON.stringify(live.VAULT_KEYS) }, (c) => c.vaultKeys.length, 1],
    [{ NODE_ENV: '"production"' }, (c) => c.mode, 'live'],
  ])('are no part of it, and that is said once: %j', (more, look, expected) => {
    const { config, said } = load(more)
    expect([look(config), said]).toEqual([expected, Object.keys(more)])
  })

  it.each<[string, string, (config: Config) => unknown, unknown]>([
    ['D360_PARTNER_API_KEY', '"k-1"\n', (c) => c.partnerApi.credentials, { apiKey: 'k-1' }],
    ['D360_PLATFORM_SECRET', "'s-1'\r\n", (c) => c.notices.secrets, ['s-1']],
    ['VAULT_KEYS', `'${live.VAULT_KEYS}'\n`, (c) => c.vaultKeys.length, 1],
  ])('are taken off the content of a file, and of its path: %s', (name, content, look, expected) => {
    const { config, said } = load({ [name]: 'file:"/run/secret"' }, { '/run/secret': content })
    expect([look(config), said]).toEqual([expected, [name]])
  })

  it('are not spoken of when there are none, or when they are around what is not ours', () => {
    expect(load({ MAIL_FROM: '"N" <a@n.example>', PS1: '"$ "', BRAND_LOGO_URL: '""' }).said).toEqual([])
  })

  it('go off the name of a sender, which customers read', () => {
    const from = (MAIL_FROM: string) =>
      load({ SMTP_URL: 'smtps://mail.example', MAIL_FROM }).config.mail?.from
    for (const name of ['Nordlicht', '"Nordlicht"', "'Nordlicht'", '“Nordlicht”'])
      expect(from(`${name} <a@n.example>`)).toBe('"Nordlicht" <a@n.example>')
  })

  it.each([
    ['D360_PARTNER_API_KEY', '"k-1'],
    ['D360_PARTNER_API_KEY', "k-1'"],
    ['D360_PARTNER_API_KEY', '`'],
    ['BRAND_NAME', '"Nordlicht'],
    ['BRAND_NAME', 'Nordlicht CRM"'],
  ])('are a problem at one end only: %s=%s', (name, text) => {
    expect(errorOf({ ...live, [name]: text }).problems).toMatchObject([
      { setting: name, problem: 'has a quote at one end only' },
    ])
  })

  it('make no demo of a production, and nothing live of what is empty', () => {
    for (const NODE_ENV of ['"production"', ' production ', "'Production'"])
      expect(settingsWithProblems({ NODE_ENV })).toContain('D360_PARTNER_ID')
    const empty = Object.fromEntries(
      [...settingRows.keys()].filter((name) => name !== 'BRAND_COLOR').map((name) => [name, '""']),
    )
    const demoSecrets = () => ({
      vaultKeys: live.VAULT_KEYS ?? '',
      sessionSecret: 's'.repeat(32),
      partnerApiKey: 'k',
    })
    expect(loadConfig(empty, { demoSecrets }).mode).toBe('demo')
  })
})
