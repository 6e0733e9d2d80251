import { describe, expect, it } from '@jest/globals'
import { describeProblems, loadConfig } from '../../src/config/config.ts'
import { demoSecrets, errorOf, live, loadDemo, settingsWithProblems } from './config-environments.ts'

const notThere = [
  'D360_PARTNER_ID',
  'D360_PARTNER_API_KEY',
  'D360_PLATFORM_SECRET',
  'VAULT_KEYS',
  'SESSION_SECRET',
  'BRAND_NAME',
  'SUPPORT_EMAIL',
]

describe('demo or live', () => {
  it.each<[NodeJS.ProcessEnv]>([
    [{}],
    [{ NODE_ENV: 'development', PORT: '8080' }],
    [{ D360_PARTNER_ID: '', D360_PARTNER_API_KEY: '  ' }],
    [{ HOST: 'localhost' }],
    [{ HOST: '::1' }],
    [{ HOST: '127.8.8.8', PUBLIC_URL: 'http://127.0.0.1:9' }],
    [{ PUBLIC_URL: 'https://localhost', TRUST_PROXY: 'off' }],
    [{ DATABASE_URL: 'postgres://db/demo' }],
    [{ EVENTS_URL: 'https://x.example', RETURN_ORIGINS: 'https://x.example' }],
  ])('is a demo with %j', (environment) => {
    expect(loadDemo(environment).mode).toBe('demo')
  })

  it.each<[NodeJS.ProcessEnv, string]>([
    [{ NODE_ENV: 'production' }, 'NODE_ENV is production'],
    [{ HOST: '0.0.0.0' }, 'HOST is not loopback'],
    [{ HOST: '::' }, 'HOST is not loopback'],
    [{ HOST: 'localhost.example' }, 'HOST is not loopback'],
    [{ PUBLIC_URL: 'https://c.example', TRUST_PROXY: '1' }, 'PUBLIC_URL is not loopback'],
    [{ D360_RATE: 'auto' }, 'a D360_ setting is set'],
    [{ D360_WEBHOOK_SIGNATURE: 'require' }, 'a D360_ setting is set'],
  ])('is not a demo with %j, and says why', (environment, reason) => {
    const error = errorOf(environment)
    expect(error.problems.map(({ setting }) => setting)).toEqual(notThere)
    expect(error.problems[0]?.problem).toBe(`is missing, and this is not a demo: ${reason}`)
    expect(error.problems[0]?.remedy).toMatch(
      /set the D360_ settings .* leave NODE_ENV, HOST, PUBLIC_URL .*unset/,
    )
  })

  it('is not a demo with a D360_ setting that does not exist', () => {
    expect(settingsWithProblems({ D360_SOMETHING_ELSE: '1' })).toEqual(['D360_SOMETHING_ELSE', ...notThere])
  })

  it('is not a demo when an address cannot be read', () => {
    expect(settingsWithProblems({ PUBLIC_URL: 'c.example' })).toEqual(['PUBLIC_URL', ...notThere])
    expect(errorOf({ PUBLIC_URL: 'http://localhost/a' }).message).toContain('PUBLIC_URL cannot be read')
    expect(settingsWithProblems({ HOST: 'a b' })).toEqual(['HOST', ...notThere])
  })

  it('points a demo at its simulator, one port on, with secrets of its own', () => {
    const config = loadDemo({ PORT: '4000', DATABASE_URL: 'sqlite:/tmp/x/l.db' })
    expect(config).toMatchObject({
      hubId: 'demo',
      dataFolder: '/tmp/x',
      partnerApi: { partnerId: 'demo', credentials: { apiKey: 'demo-partner-api-key' } },
      launch: { template: 'http://localhost:4001/dashboard/app/{partner_id}/permissions' },
      messagingHosts: ['localhost'],
      sessionSecrets: [demoSecrets.sessionSecret],
      selfSignup: true,
      simulator: { port: 4001, partnerApiKey: 'demo-partner-api-key' },
    })
    expect(config.partnerApi.baseUrl.href).toBe('http://localhost:4001/api/v2/')
    expect(config.vaultKeys).toHaveLength(1)
  })

  it('prefers given secrets to those of the demo', () => {
    const { VAULT_KEYS, SESSION_SECRET } = live
    const config = loadDemo({ VAULT_KEYS, SESSION_SECRET, SELF_SIGNUP: 'off' })
    expect(config.vaultKeys).toEqual(loadConfig(live).vaultKeys)
    expect(config.sessionSecrets).toEqual([SESSION_SECRET])
    expect(config.selfSignup).toBe(false)
  })

  it('leaves a port for the simulator', () => {
    expect(settingsWithProblems({ PORT: '65535' })).toEqual(['PORT'])
    expect(loadDemo({ PORT: '65534' }).simulator?.port).toBe(65_535)
  })
})

describe('settings that belong together', () => {
  const without = (...names: string[]) => ({
    ...live,
    ...Object.fromEntries(names.map((name) => [name, ''])),
  })
  const login = without('D360_PARTNER_API_KEY')
  const https = { ...live, PUBLIC_URL: 'https://c.example' }
  const unsigned = without('D360_PLATFORM_SECRET')
  const signed = { D360_IO_SIGNATURE: 'on', D360_PLATFORM_SECRET: 'x' }

  it.each<[string, NodeJS.ProcessEnv, string]>([
    ['a partner id', without('D360_PARTNER_ID'), 'D360_PARTNER_ID'],
    ['credentials', login, 'D360_PARTNER_API_KEY'],
    ['a password beside the user name', { ...login, D360_USERNAME: 'u' }, 'D360_PASSWORD'],
    ['a user name beside the password', { ...login, D360_PASSWORD: 'p' }, 'D360_USERNAME'],
    ['a vault key', without('VAULT_KEYS'), 'VAULT_KEYS'],
    ['a session secret', without('SESSION_SECRET'), 'SESSION_SECRET'],
    ['a name for its pages', without('BRAND_NAME'), 'BRAND_NAME'],
    ['an address for help', without('SUPPORT_EMAIL'), 'SUPPORT_EMAIL'],
    ['the proxies with https', https, 'TRUST_PROXY'],
    ['the platform secret to sign with', { ...unsigned, D360_IO_SIGNATURE: 'on' }, 'D360_PLATFORM_SECRET'],
    ['the platform secret to check notices with', unsigned, 'D360_PLATFORM_SECRET'],
    ['the same if it is said', { ...unsigned, D360_WEBHOOK_SIGNATURE: 'require' }, 'D360_PLATFORM_SECRET'],
    ['open with partner payment', { ...live, SELF_SIGNUP: 'on', D360_PAYMENT: 'partner' }, 'SELF_SIGNUP'],
    ['open with signed launches', { ...live, SELF_SIGNUP: 'on', ...signed }, 'SELF_SIGNUP'],
    ['an address for the headers', { ...live, CHANNEL_WEBHOOK_HEADERS: '{}' }, 'CHANNEL_WEBHOOK_HEADERS'],
  ])('needs %s', (_what, environment, setting) => {
    expect(settingsWithProblems(environment)).toEqual([setting])
  })

  it.each<[NodeJS.ProcessEnv]>([
    [{ ...https, TRUST_PROXY: 'off' }],
    [{ ...login, D360_USERNAME: 'u', D360_PASSWORD: 'p' }],
    [{ ...live, ...signed, SELF_SIGNUP: 'open' }],
    [{ ...live, D360_PAYMENT: 'partner' }],
    [{ ...unsigned, D360_WEBHOOK_SIGNATURE: 'warn' }],
    [{ ...unsigned, D360_WEBHOOK_SIGNATURE: 'off' }],
    [{ ...live, EVENTS_URL: 'nonsense', EVENTS_SECRET: 'nonsense' }],
    [{ ...live, D360_PARTNER_APIKEY: '' }],
  ])('accepts the rest, case %#', (environment) => {
    expect(loadConfig(environment).mode).toBe('live')
  })

  it.each([
    ['D360_PARTNER_APIKEY', 'D360_PARTNER_API_KEY'],
    ['D360_PARTNERID', 'D360_PARTNER_ID'],
    ['D360_WEBHOOK_SIGNATUR', 'D360_WEBHOOK_SIGNATURE'],
    ['D360_PAYMENT_METHOD', 'D360_PAYMENT'],
    ['d360_partner_id', 'D360_PARTNER_ID'],
    ['BRAND_COLOUR', 'BRAND_COLOR'],
    ['brand_name', 'BRAND_NAME'],
    ['BRANDCOLOR', 'BRAND_COLOR'],
    ['SMTP_URI', 'SMTP_URL'],
    ['SMTP_HOST', 'SMTP_URL'],
    ['SMTP_PORT', 'SMTP_URL'],
    ['MAIL_SENDER', 'MAIL_FROM'],
    ['SESSION_SECRETS', 'SESSION_SECRET'],
    ['SESSION_SECRET_FILE', 'SESSION_SECRET=file:PATH'],
    ['DATABASE_URL_FILE', 'DATABASE_URL=file:PATH'],
    ['DATABASE_URI', 'DATABASE_URL'],
    ['VAULT_KEY', 'VAULT_KEYS'],
    ['SUPPORT_MAIL', 'SUPPORT_EMAIL'],
    ['SUPORT_EMAIL', 'SUPPORT_EMAIL'],
    ['PRIVACY_POLICY_URL', 'PRIVACY_URL'],
    ['PUBLIC_URI', 'PUBLIC_URL'],
    ['TRUST_PROXIES', 'TRUST_PROXY'],
    ['SELF_SIGN_UP', 'SELF_SIGNUP'],
    ['RATE_LIMIT_SIGNIN', 'RATE_LIMIT_SIGN_IN'],
    ['CHANNEL_WEBHOOK_HEADER', 'CHANNEL_WEBHOOK_HEADERS'],
    ['METRICS_TOKENS', 'METRICS_TOKEN'],
  ])('asks whether %s means %s', (typed, meant) => {
    const { problems } = errorOf({ ...live, [typed]: 'x' })
    expect(problems).toEqual([
      { setting: typed, problem: 'is not a setting', remedy: `Did you mean ${meant}? Otherwise remove it.` },
    ])
  })

  it('leaves alone what platforms, desktops and other software set by themselves', () => {
    const services = ['smtp', 'mail', 'vault', 'd360', 'brand', 'metrics'].flatMap((service) => {
      const name = service.toUpperCase()
      return [
        [`${name}_SERVICE_HOST`, '10.96.0.7'],
        [`${name}_SERVICE_PORT`, '25'],
        [`${name}_SERVICE_PORT_SMTP`, '25'],
        [`${name}_PORT`, 'tcp://10.96.0.7:25'],
        [`${name}_PORT_25_TCP`, 'tcp://10.96.0.7:25'],
        [`${name}_PORT_25_TCP_ADDR`, '10.96.0.7'],
      ]
    })
    const names =
      'BRANCH_NAME DATABASE_CONNECTION_POOL_URL DATABASE_PUBLIC_URL DATABASE_URL_UNPOOLED DB_URL HOSTNAME ' +
      'HOST_IP HTTP_URL LOGLEVEL LOGNAME LOG_FORMAT MAIL MAILTO PORTS SESSION_MANAGER VAULT_ADDR VAULT_TOKEN host port'
    const others = names.split(' ').map((name) => [name, 'x'])
    expect(loadConfig({ ...live, ...Object.fromEntries([...services, ...others]) }).mode).toBe('live')
    expect(loadDemo(Object.fromEntries([...services, ...others])).mode).toBe('demo')
  })

  it('lists every problem at once, each in a block with its remedy', () => {
    const error = errorOf({
      NODE_ENV: 'production',
      PORT: 'x',
      PUBLIC_URL: 'https://c.example',
      LOG_LEVEL: 'x',
    })
    const settings = ['PORT', 'LOG_LEVEL', ...notThere, 'TRUST_PROXY']
    expect(error.problems.map(({ setting }) => setting)).toEqual(settings)

    const blocks = describeProblems(error).split('\n\n')
    expect(blocks).toHaveLength(settings.length)
    expect(blocks[0]).toBe('PORT is not a whole number from 1 to 65535.\n  For example: 3000')
    expect(blocks[5]).toBe('VAULT_KEYS is missing.\n  Create one: npm run --silent latchkey -- vault new-key')
    expect(blocks[6]).toContain('openssl rand')
  })

  it('never advises to replace the vault keys of a database that may hold API keys', () => {
    const remedyOf = (keys: string | undefined, files: string[], url = 'sqlite:data/latchkey.db') => {
      const environment = { ...live, VAULT_KEYS: keys, DATABASE_URL: url }
      const { problems } = errorOf(environment, { fileExists: (path) => files.includes(path) })
      expect(problems.map(({ setting }) => setting)).toEqual(['VAULT_KEYS'])
      return problems[0]?.remedy
    }
    const used = ['data/latchkey.db']
    const create = expect.stringMatching(/^Create one: npm/)
    const putBack = expect.not.stringContaining('new-key')
    expect(remedyOf(undefined, [])).toEqual(create)
    expect(remedyOf(undefined, [...used, 'data/secrets.json'])).toEqual(create)
    for (const bad of ['{"keys":', 'file:/nowhere', undefined]) expect(remedyOf(bad, used)).toEqual(putBack)
    for (const bad of ['{"keys":', 'file:/nowhere']) {
      expect(remedyOf(bad, [])).toEqual(putBack)
      expect(remedyOf(bad, [], 'postgres://db/latchkey')).toEqual(putBack)
    }
    expect(remedyOf(undefined, [], 'postgres://db/latchkey')).toMatch(
      /^Put back .* Only for a database that is new/,
    )
  })

  it.each([[''], ['  '], ['""']])('refuses a colour that was taken for a comment: %j', (BRAND_COLOR) => {
    expect(errorOf({ ...live, BRAND_COLOR }).problems).toEqual([
      {
        setting: 'BRAND_COLOR',
        problem: 'is cut off: a # that is not in quotes begins a comment',
        remedy: expect.stringContaining('BRAND_COLOR="…#…"'),
      },
    ])
  })

  it('refuses what the env file holds more of than was read', () => {
    const cutOff = new Set(['BRAND_NAME', 'D360_PLATFORM_SECRET', 'SOMETHING_ELSE'])
    const { problems } = errorOf(live, { cutOff })
    expect(problems.map(({ setting }) => setting)).toEqual(['D360_PLATFORM_SECRET', 'BRAND_NAME'])
  })

  it.each(['"', "'"])('takes away the %s that an env file was read with', (quote) => {
    const quoted = Object.entries({ ...live, BRAND_COLOR: '#0b5fff' })
    const environment = Object.fromEntries(quoted.map(([name, value]) => [name, `${quote}${value}${quote}`]))
    expect(loadConfig(environment)).toEqual(loadConfig({ ...live, BRAND_COLOR: '#0b5fff' }))
  })

  it('does not miss what is there and bad', () => {
    const { VAULT_KEYS, ...rest } = live
    expect(VAULT_KEYS).toBeDefined()
    expect(settingsWithProblems({ ...rest, VAULT_KEYS: 'x' })).toEqual(['VAULT_KEYS'])
  })
})
