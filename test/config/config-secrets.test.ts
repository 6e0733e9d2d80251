import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect, promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { type Config, ConfigError, describeProblems, loadConfig } from '../../src/config/config.ts'
import { readDemoSecrets } from '../../src/config/demo-secrets.ts'
import { settingRows } from '../../src/config/settings.ts'
import { newVaultKey } from '../../src/config/vault-keys.ts'
import { errorOf, live } from './config-environments.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-config-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

describe('secrets in files', () => {
  const login = { ...live, D360_PARTNER_API_KEY: '', D360_USERNAME: 'u', D360_PASSWORD: 'p' }
  const hook = { ...live, CHANNEL_WEBHOOK_URL: 'https://hooks.example' }
  const vault = newVaultKey(new Date('2026-01-01'))

  it.each<[string, NodeJS.ProcessEnv, string, (config: Config) => unknown, unknown]>([
    ['D360_PARTNER_API_KEY', live, 'k', (c) => c.partnerApi.credentials, { apiKey: 'k' }],
    ['D360_USERNAME', login, 'me', (c) => c.partnerApi.credentials, { username: 'me', password: 'p' }],
    ['D360_PASSWORD', login, ' p w ', (c) => c.partnerApi.credentials, { username: 'u', password: ' p w ' }],
    [
      'D360_PLATFORM_SECRET',
      { ...live, D360_IO_SIGNATURE: 'on' },
      'x y',
      (c) => c.launch.ioSignatureSecret,
      'x',
    ],
    ['VAULT_KEYS', live, vault, (c) => c.vaultKeys[0]?.kid, JSON.parse(vault).keys[0].kid],
    [
      'SESSION_SECRET',
      live,
      'q7Wd1RzKx4Nf8TbVm2Yc6HgPs0JuLa5E',
      (c) => c.sessionSecrets,
      ['q7Wd1RzKx4Nf8TbVm2Yc6HgPs0JuLa5E'],
    ],
    ['DATABASE_URL', live, 'sqlite:/srv/l.db', (c) => c.dataFolder, '/srv'],
    [
      'SMTP_URL',
      { MAIL_FROM: 'connect@n.example' },
      'smtps://user:pass@mail.example',
      (c) => c.mail?.url.href,
      'smtps://user:pass@mail.example',
    ],
    ['CHANNEL_WEBHOOK_HEADERS', hook, '{"a":"b"}', (c) => c.channelWebhook?.headers, { a: 'b' }],
    [
      'METRICS_TOKEN',
      live,
      'q7Wd1RzKx4Nf8TbVm2Yc6HgPs0JuLa5E',
      (c) => c.metricsTokens,
      ['q7Wd1RzKx4Nf8TbVm2Yc6HgPs0JuLa5E'],
    ],
  ])('reads %s from a file, without the newline at its end', (name, environment, content, look, expected) => {
    const path = join(folder, 'secret')
    writeFileSync(path, `${content}\n`)
    expect(look(loadConfig({ ...environment, [name]: `file:${path}` }))).toEqual(expected)
  })

  it('knows no other secrets', () => {
    const secrets = [...settingRows].filter(([, row]) => row.secret).map(([name]) => name)
    expect(secrets).toHaveLength(10)
  })

  it.each([
    ['names a file that cannot be read (ENOENT)', undefined],
    ['names a file that is empty', '\n'],
    ['has a value shorter than 32 characters', 'canary-in-the-file\n'],
  ])('refuses a secret that %s', (problem, content) => {
    const path = join(folder, 'secret')
    if (content) writeFileSync(path, content)
    const error = errorOf({ ...live, SESSION_SECRET: `file:${path}` })
    expect(error.problems).toEqual([expect.objectContaining({ setting: 'SESSION_SECRET', problem })])
    expect(inspect(error) + describeProblems(error)).not.toContain('canary')
  })
})

describe('a problem never contains a value', () => {
  const canary = 'CaNaRy{7}'

  it.each([
    ['typed in', (name: string) => `${canary} ${name} ${canary} ${canary} ${canary}`],
    ['as JSON', () => `{"${canary}":"${canary}\\n"}`],
    ['as broken JSON', () => `{"keys":[{"kty":"${canary}`],
    ['as an address', () => `http://${canary}@host/${canary}?${canary}#${canary}`],
    ['as a file that is not there', () => `file:/nowhere/${canary}`],
    ['as an encrypted address', () => `https://host/{${canary}}`],
  ])('when it is bad in every setting, %s', (_how, spoil) => {
    const names = [...settingRows.keys(), 'D360_PARTNER_APIKEY', 'D360_HOST']
    const error = errorOf(Object.fromEntries(names.map((name) => [name, spoil(name)])))
    expect(error.problems.length).toBeGreaterThan(15)
    expect(inspect(error, { depth: 9 }) + error.stack + describeProblems(error)).not.toMatch(/canary/i)
  })
})

describe('the secrets of a demo', () => {
  it('are created once, for the owner alone', () => {
    const data = join(folder, 'deep', 'data')
    const created = readDemoSecrets(data)
    expect(readDemoSecrets(data)).toEqual(created)
    expect(statSync(data).mode & 0o777).toBe(0o700)
    expect(statSync(join(data, 'secrets.json')).mode & 0o777).toBe(0o600)
    expect(readdirSync(data)).toEqual(['secrets.json'])
  })

  it('are the same for two configurations over one folder', () => {
    const environment = { DATABASE_URL: `sqlite:${folder}/data/l.db` }
    expect(loadConfig(environment)).toEqual(loadConfig(environment))
  })

  it('are not created when a setting is bad, nor when it goes live', () => {
    const environment = { DATABASE_URL: `sqlite:${folder}/data/l.db` }
    expect(() => loadConfig({ ...environment, PORT: 'x' })).toThrow(ConfigError)
    loadConfig({ ...live, ...environment })
    expect(existsSync(`${folder}/data`)).toBe(false)
  })

  it('are the same for processes that start at once', async () => {
    const script = `import { readDemoSecrets } from ${JSON.stringify(join(process.cwd(), 'src/config/demo-secrets.ts'))}
      process.stdout.write(JSON.stringify(readDemoSecrets(${JSON.stringify(join(folder, 'data'))})))`
    const start = () => promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
    const outputs = await Promise.all(Array.from({ length: 6 }, start))
    expect(new Set(outputs.map(({ stdout }) => stdout)).size).toBe(1)
    expect(readdirSync(join(folder, 'data'))).toEqual(['secrets.json'])
  })

  it.each(['', '{', '{"vaultKeys":"canary"}', 'null'])('are not overwritten when damaged: %j', (content) => {
    const path = join(folder, 'secrets.json')
    writeFileSync(path, content)
    const load = () => loadConfig({ DATABASE_URL: `sqlite:${folder}/l.db` })
    expect(load).toThrow(new ConfigError([{ setting: 'secrets.json', problem: 'is damaged', remedy: '' }]))
    expect(readFileSync(path, 'utf8')).toBe(content)
  })

  it('say so when their folder cannot be created', () => {
    writeFileSync(join(folder, 'file'), '')
    const load = () => loadConfig({ DATABASE_URL: `sqlite:${folder}/file/l.db` })
    expect(load).toThrow('Bad settings: secrets.json cannot be read or created (')
  })
})
