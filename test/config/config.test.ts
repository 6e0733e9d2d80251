import { describe, expect, it } from '@jest/globals'
import { type Config, loadConfig } from '../../src/config/config.ts'
import { newVaultKey } from '../../src/config/vault-keys.ts'
import { live, settingsWithProblems } from './config-environments.ts'

const key = Buffer.from('Zk3vQ8mXr1TnB6wYc0LpHs9JdF5aGu2e').toString('base64url')
const random = ['Zk3vQ8mXr1TnB6wYc0LpHs9JdF5aGu2e', 'q7Wd1RzKx4Nf8TbVm2Yc6HgPs0JuLa5E'] as const
const oct = { kty: 'oct', kid: 'one', k: key }
const jwks = (...keys: object[]) => JSON.stringify({ keys })
const hook = { CHANNEL_WEBHOOK_URL: 'https://hooks.example/x' }

type Good = [NodeJS.ProcessEnv, (config: Config) => unknown, unknown]

const good: Good[] = [
  [{}, (c) => c.mode, 'live'],
  [{}, (c) => c.hubId, 'tEstDePA'],
  [{}, (c) => c.simulator, undefined],
  [{}, (c) => c.port, 3000],
  [{ PORT: ' 65535 ' }, (c) => c.port, 65_535],
  [{ PORT: '' }, (c) => c.port, 3000],
  [{}, (c) => c.host, '127.0.0.1'],
  [{ HOST: '0.0.0.0' }, (c) => c.host, '0.0.0.0'],
  [{ HOST: '::' }, (c) => c.host, '::'],
  [{ HOST: 'web-1.internal' }, (c) => c.host, 'web-1.internal'],
  [{ PORT: '8080' }, (c) => c.publicUrl.href, 'http://localhost:8080/'],
  [{ PUBLIC_URL: 'https://c.example/', TRUST_PROXY: '1' }, (c) => c.publicUrl.href, 'https://c.example/'],
  [{ PUBLIC_URL: 'http://[::1]:5000' }, (c) => c.publicUrl.href, 'http://[::1]:5000/'],
  [{ PUBLIC_URL: 'http://127.9.9.9' }, (c) => c.publicUrl.href, 'http://127.9.9.9/'],
  [{}, (c) => c.trustProxy, false],
  [{ TRUST_PROXY: 'off' }, (c) => c.trustProxy, false],
  [{ TRUST_PROXY: '2' }, (c) => c.trustProxy, 2],
  [{ TRUST_PROXY: '10.0.0.0/8, ::1 192.0.2.7' }, (c) => c.trustProxy, ['10.0.0.0/8', '::1', '192.0.2.7']],
  [{}, (c) => c.databaseUrl, 'sqlite:data/latchkey.db'],
  [{}, (c) => c.dataFolder, 'data'],
  [{ DATABASE_URL: 'sqlite:/var/lib/l/l.db' }, (c) => c.dataFolder, '/var/lib/l'],
  [{ DATABASE_URL: 'sqlite:l.db' }, (c) => c.dataFolder, '.'],
  [{ DATABASE_URL: 'postgres://u:p@db/latchkey' }, (c) => c.databaseUrl, 'postgres://u:p@db/latchkey'],
  ...[
    ...[
      'postgres://u:p%40ss%2Fw@db:5432/x?sslmode=verify-full',
      'postgres://u:p%@db/x',
      'postgres:///x?host=/run',
    ],
    ...['postgres://u:p@/x?host=/run', 'postgres://%2Frun%2Fpostgresql/x', 'postgres://u%40server:p@[::1]/x'],
  ].map((url): Good => [{ DATABASE_URL: url }, (c) => c.databaseUrl, url]),
  [{ DATABASE_URL: 'postgresql://db/latchkey' }, (c) => c.dataFolder, 'data'],
  [{}, (c) => c.partnerApi.partnerId, 'tEstDePA'],
  [{}, (c) => c.partnerApi.credentials, { apiKey: 'partner-api-key' }],
  [{ D360_USERNAME: 'u' }, (c) => c.partnerApi.credentials, { apiKey: 'partner-api-key' }],
  [
    { D360_PARTNER_API_KEY: '', D360_USERNAME: 'u', D360_PASSWORD: 'p w' },
    (c) => c.partnerApi.credentials,
    { username: 'u', password: 'p w' },
  ],
  [{}, (c) => c.partnerApi.baseUrl.href, 'https://hub.360dialog.io/api/v2/'],
  [{ D360_API_URL: 'https://h.example/v2/' }, (c) => c.partnerApi.baseUrl.href, 'https://h.example/v2/'],
  [
    { D360_API_URL: 'http://localhost:3001/v2' },
    (c) => c.partnerApi.baseUrl.href,
    'http://localhost:3001/v2/',
  ],
  [{}, (c) => c.partnerApi.rate, 'auto'],
  [{ D360_RATE: '5/30s' }, (c) => c.partnerApi.rate, { calls: 5, seconds: 30 }],
  [{ D360_RATE: '100/1' }, (c) => c.partnerApi.rate, { calls: 100, seconds: 1 }],
  [{}, (c) => c.launch.template, 'https://hub.360dialog.com/dashboard/app/{partner_id}/permissions'],
  [{ D360_LAUNCH_URL: 'https://a.example/o' }, (c) => c.launch.template, 'https://a.example/o'],
  [
    { D360_LAUNCH_URL: 'http://[::1]:1/{partner_id}' },
    (c) => c.launch.template,
    'http://[::1]:1/{partner_id}',
  ],
  [{}, (c) => c.launch.stateIn, 'both'],
  [{ D360_STATE_IN: 'redirect_url' }, (c) => c.launch.stateIn, 'redirect_url'],
  [{ D360_PLATFORM_SECRET: 'new old' }, (c) => c.launch.ioSignatureSecret, undefined],
  [{ D360_PLATFORM_SECRET: 'new old', D360_IO_SIGNATURE: 'on' }, (c) => c.launch.ioSignatureSecret, 'new'],
  [{}, (c) => c.messagingHosts, ['*.360dialog.io']],
  [
    { D360_MESSAGING_HOSTS: 'A.example:8443, *.x.example b' },
    (c) => c.messagingHosts,
    ['a.example:8443', '*.x.example', 'b'],
  ],
  [
    { VAULT_KEYS: jwks(oct) },
    (c) => c.vaultKeys,
    [{ kid: 'one', key: new Uint8Array(Buffer.from('Zk3vQ8mXr1TnB6wYc0LpHs9JdF5aGu2e')) }],
  ],
  [{ VAULT_KEYS: jwks(oct, { ...oct, kid: '2' }) }, (c) => c.vaultKeys.map(({ kid }) => kid), ['one', '2']],
  [{ SESSION_SECRET: random.join(' ') }, (c) => c.sessionSecrets.length, 2],
  [{}, (c) => c.selfSignup, false],
  [{ SELF_SIGNUP: 'on' }, (c) => c.selfSignup, true],
  [{ SELF_SIGNUP: 'open', D360_PAYMENT: 'partner' }, (c) => c.selfSignup, true],
  [{}, (c) => c.channelWebhook, undefined],
  [hook, (c) => c.channelWebhook, { url: 'https://hooks.example/x', headers: {} }],
  [
    {
      CHANNEL_WEBHOOK_URL: 'https://hooks.example/{tenant_id}?c={channel_id}',
      CHANNEL_WEBHOOK_HEADERS: '{"X-Key":"a b"}',
    },
    (c) => c.channelWebhook,
    { url: 'https://hooks.example/{tenant_id}?c={channel_id}', headers: { 'X-Key': 'a b' } },
  ],
  [{}, (c) => c.brand.name, 'Nordlicht'],
  [{ BRAND_NAME: 'Nordlicht CRM' }, (c) => c.brand.name, 'Nordlicht CRM'],
  [
    { BRAND_LOGO_URL: 'https://n.example/l.svg?v=1' },
    (c) => c.brand.logoUrl?.href,
    'https://n.example/l.svg?v=1',
  ],
  [{ BRAND_COLOR: '#0B5fff' }, (c) => c.brand.color, '#0B5fff'],
  [{ SUPPORT_EMAIL: 'help@n.example' }, (c) => c.brand.supportEmail, 'help@n.example'],
  [{ SUPPORT_EMAIL: 'Büro@Müller.example' }, (c) => c.brand.supportEmail, 'Büro@Müller.example'],
  [{ SUPPORT_EMAIL: 'help@例え.example\u200b' }, (c) => c.brand.supportEmail, 'help@例え.example'],
  [{ PRIVACY_URL: 'http://localhost/p' }, (c) => c.brand.privacyUrl?.href, 'http://localhost/p'],
  [{}, (c) => c.rateLimits, { public: 300, signIn: 10 }],
  [{ RATE_LIMIT_PUBLIC: '1', RATE_LIMIT_SIGN_IN: '2' }, (c) => c.rateLimits, { public: 1, signIn: 2 }],
  [{}, (c) => c.logLevel, 'info'],
  [{ LOG_LEVEL: 'silent' }, (c) => c.logLevel, 'silent'],
  [{}, (c) => c.metricsTokens, []],
  [{ METRICS_TOKEN: random.join('  ') }, (c) => c.metricsTokens, random],
]

const guessable = [
  's'.repeat(32),
  'abcdefghijklmnopqrstuvwxyz0123456789',
  'metrics'.repeat(6),
  'Zk3vQ8mX'.repeat(4),
  'please-change-me-please-Zk3vQ8mXr1Tn',
  '12345678901234567890123456789012',
]

const bad: Record<string, string[]> = {
  PORT: ['0', '65536', '3e3', '80.5', 'http'],
  HOST: ['[::1]', 'a b', 'http://x', '-x'],
  PUBLIC_URL: [
    'c.example',
    'https://c.example/app',
    'https://c.example/?a=1',
    'https://c.example/#a',
    'https://u:p@c.example',
    'http://c.example',
    'http://localhost.example',
    'ftp://localhost',
    'https:c.example',
  ],
  TRUST_PROXY: [
    ...[
      '6',
      '99',
      '0.0.0.0/1',
      '8.0.0.0/7',
      '3.0.0.0/8',
      '::/0',
      '2000::/3',
      '::/1',
      '::/80',
      '::ffff:0:0/96',
    ],
    ...['::ffff:0.0.0.0/97', '10.0.0.0/7', '10.0.0.0/8 0.0.0.0/1'],
    ...['0', '-1', 'on', 'loopback', '10.0.0.0/33', '::/129', '0.0.0.0/0', '10.0.0.0/8/1', ','],
  ],
  DATABASE_URL: [
    ...['data/l.db', 'sqlite:', 'sqlite:data/', 'sqlite::memory:', 'postgres://', 'mysql://db/x'],
    ...[
      'postgres://u:p@ss/w@db/x',
      'postgres://u:p#w@db/x',
      'postgres://u:12#w@db/x',
      'postgres://u:p/w@db/x',
    ],
    ...['postgres://u:p?w@db/x', 'postgres://u:%e9@db/x', 'postgres://u:p@db:port/x'],
  ],
  D360_PARTNER_ID: ['demo', 'a/b', 'a b'],
  D360_PARTNER_API_KEY: ['a b', 'schlüssel'],
  D360_PLATFORM_SECRET: ['a b c'],
  D360_API_URL: ['http://hub.360dialog.io/api/v2', 'https://h.example/?x=1', 'hub', 'https://u@h.example'],
  D360_LAUNCH_URL: [
    'http://h.example',
    'https://h.example/{hub}',
    'https://{partner_id}.example',
    'https://h/{',
  ],
  D360_STATE_IN: ['none', 'BOTH'],
  D360_MESSAGING_HOSTS: [
    ...['https://a.example', '*', 'a.*', '*a.example', 'a..b', ','],
    ...[
      '*.io',
      '*.com',
      '*.co.uk',
      '*.com.br',
      '*.io:443',
      '*.github.io',
      '*.s3.amazonaws.com',
      '*.360dialog.io *.io',
    ],
  ],
  D360_IO_SIGNATURE: ['yes'],
  D360_PAYMENT: ['both'],
  D360_RATE: ['5', '0/30s', '5/0', '5/30m', 'off'],
  VAULT_KEYS: [
    'not json',
    '[]',
    'null',
    jwks(),
    jwks({ ...oct, kty: 'RSA' }),
    jwks({ kty: 'oct', k: key }),
    jwks({ ...oct, kid: 'a b' }),
    jwks({ ...oct, kid: 'a'.repeat(65) }),
    jwks({ ...oct, k: 'A'.repeat(22) }),
    jwks({ ...oct, k: `${'A'.repeat(42)}=` }),
    jwks(oct, oct),
  ],
  SESSION_SECRET: [random[0].slice(1), `${random[0]} short`, Array(3).fill(random[0]).join(' ')],
  SELF_SIGNUP: ['true'],
  CHANNEL_WEBHOOK_URL: [
    'http://hooks.example',
    'https://hooks.example/{phone}',
    'https://u:p@hooks.example',
    'https://{tenant_id}.hooks.example',
  ],
  SMTP_URL: ['mail.example', 'http://mail.example', 'smtp://', 'smtp://mail.example/?x=1'],
  MAIL_FROM: [
    'Nordlicht',
    'Nordlicht <nordlicht>',
    'a@n.example, b@n.example',
    'büro@n.example',
    'a＠n.example',
  ],
  BRAND_LOGO_URL: ['/logo.svg', 'http://n.example/l.svg'],
  BRAND_COLOR: ['blue', '#fff', '#0b5fffff'],
  SUPPORT_EMAIL: ['help', 'Help <help@n.example>', 'help@n', 'help@ｎ.example', 'help@xn--n.example'],
  PRIVACY_URL: ['n.example/privacy', 'http://n.example', 'javascript:alert(1)'],
  RATE_LIMIT_PUBLIC: ['0', '-1', '1.5', 'off'],
  RATE_LIMIT_SIGN_IN: ['0', 'ten'],
  LOG_LEVEL: ['verbose', 'INFO'],
  METRICS_TOKEN: ['a b c', 'short', `${random[0]} short`, `${random[0]} ${'m'.repeat(32)}`, ...guessable],
}

describe('settings, one by one', () => {
  it.each(good)('reads %j (case %#)', (environment, look, expected) => {
    expect(look(loadConfig({ ...live, ...environment }))).toEqual(expected)
  })

  const cases = Object.entries(bad).flatMap(([name, texts]) => texts.map((text) => [name, text] as const))
  it.each(cases)('refuses %s=%s', (name, text) => {
    expect(settingsWithProblems({ ...live, [name]: text })).toEqual([name])
  })

  it.each(['x', '[]', '"x"', '{"a":1}', '{"a b":"x"}', '{"":"x"}', '{"a":"x\\ny"}'])(
    'refuses CHANNEL_WEBHOOK_HEADERS=%s',
    (text) => {
      const environment = { ...live, ...hook, CHANNEL_WEBHOOK_HEADERS: text }
      expect(settingsWithProblems(environment)).toEqual(['CHANNEL_WEBHOOK_HEADERS'])
    },
  )

  it('reads a vault key that it created itself', () => {
    const [made] = loadConfig({ ...live, VAULT_KEYS: newVaultKey(new Date('2026-11-21')) }).vaultKeys
    expect(made?.kid).toMatch(/^k2026-11-[0-9a-f]{6}$/)
    expect(made?.key).toHaveLength(32)
    expect(newVaultKey()).toContain('"alg":"A256GCM"')
    expect(newVaultKey()).not.toBe(newVaultKey())
  })
})
