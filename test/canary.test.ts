import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type Engine, sqliteFile } from '../src/database/database.ts'
import { OwnerConfirmationStore } from '../src/onboarding/owner-confirmation-store.ts'
import type { Fault } from '../src/simulator/faults.ts'
import { type Simulator, startSimulator } from '../src/simulator/simulator.ts'
import type { VisitActs } from '../src/simulator/visits.ts'
import { runChild } from './child-process.ts'
import { createDatabase, type EmptyDatabase } from './databases.ts'
import { readCells } from './dump.ts'
import { FastClock } from './fast-clock.ts'
import { emailOf, newClient } from './journey.ts'
import { type AllowedPlaces, judge, type Secret, type Sighting, spellingsOf } from './leak-scan.ts'
import { type Mailbox, openMailbox } from './mailbox.ts'
import { eventually, PARTNER_ID, type Site, settingsFor, startSite } from './site.ts'

const DAY_MS = 24 * 60 * 60_000

const planted = {
  partnerKey: 'canary-partner-key-Q7vT2mXw',
  wrongPartnerKey: 'canary-wrong-partner-key-Lp4Zs8Yd',
  username: 'canary-username-Hh3Kq9Rb',
  password: 'canary-bearer-password-Tz6Wn1Jc',
  wrongPassword: 'canary-wrong-bearer-password-Vb2Xk5Mf',
  platformSecret: 'canary-platform-secret-Ns8Gd4Pu',
  sessionSecret: 'canary-session-secret-Ey5Rt7Ui-0123456789',
  metricsToken: 'canary-metrics-token-Aj9Bf3Ch-0123456789',
  webhookHeader: 'canary-webhook-header-Dk1Eg6Fi',
  adminPassword: 'canary admin password Gm4 Hn7',
  wrongAdminPassword: 'canary wrong admin password Io2 Jp5',
  misplacedPassword: 'canary misplaced password kq8 lr3',
  databasePassword: 'canary-database-password-Ms6Nt9Ou',
  smtpPassword: 'canary-smtp-password-Pv4Qw8Rx',
}

/** Where a secret has to be for its owner to get it. Anywhere else is a leak. */
const ALLOWED: AllowedPlaces = {
  channelKey: [/^GET \/api\/v1\/channels\/:id\/api-key 200 body$/],
  foreignKey: [/^command key show: stdout$/],
  apiToken: [/^command token create: stdout$/],
  linkToken: [/^command link create: stdout$/, /^GET \/connect\/:token 200 body$/],
  // A redirect says in its short body what it says in its header.
  nonce: [/^POST \/connect 303 (location|body)$/, /^POST \/connect\/:token 303 (location|body)$/],
  browserId: [/^GET \/(connect\/:token)? 200 set-cookie$/, /^GET \/callback 303 set-cookie$/],
  statusId: [/^GET \/callback 303 (location|body)$/],
  confirmLink: [
    /^mail$/,
    /^(GET|POST) \/confirm\/:id (200|422) body$/,
    /^POST \/confirm\/:id 303 (location|body)$/,
  ],
  adminSession: [/^(GET|POST) \/admin\S* \d+ set-cookie$/],
  newVaultKey: [/^command vault new-key: stdout$/],
  // Shown again to who typed it into the field for the name.
  misplacedPassword: [/^POST \/admin\/sign-in 422 body$/],
}

/** Everything that was seen from outside and inside, and every secret there was. */
const seen: Sighting[] = []
const secrets: Secret[] = Object.entries(planted).map(([kind, value]) => ({ kind, value }))
const databases: EmptyDatabase[] = []
const simulators: Simulator[] = []
const mailboxes: Mailbox[] = []
const running = new Set<Site>()

describe('the secrets of the site', () => {
  beforeAll(async () => {
    await liveWithApiKey()
    await liveWithBearerLogin()
    await liveWithWrongKey()
    await startBadly()
  }, 240_000)

  afterAll(async () => {
    for (const site of running) await site.stop()
    for (const simulator of simulators) await simulator.close()
    for (const mailbox of mailboxes) await mailbox.close()
    for (const database of databases) await database.drop()
  })

  it('are many, and were looked for in many places', () => {
    const kinds = new Set(secrets.map(({ kind }) => kind))
    const dynamic = ['vaultKey', 'vaultKeyBytes', 'bearerToken', 'oneTimeCode', ...Object.keys(ALLOWED)]
    expect([...kinds].toSorted()).toEqual([...new Set([...Object.keys(planted), ...dynamic])].toSorted())
    for (const place of [
      'log',
      'cell mint.',
      'cell api_key.',
      'file latchkey.db',
      'GET /status/:id 200 body',
    ])
      expect(seen.filter((sighting) => sighting.place.startsWith(place))).not.toHaveLength(0)
  })

  it('are read in clear nowhere but where they have to be', () => {
    expect(judge(seen, secrets, ALLOWED).leaks).toEqual([])
  })

  it('are found in every place where they have to be', () => {
    const { used } = judge(seen, secrets, ALLOWED)
    const unused = Object.values(ALLOWED)
      .flat()
      .filter((pattern) => !used.has(pattern))
    expect(unused).toEqual([])
  })

  it.each([
    'log',
    'cell mint.problem',
    'file latchkey.db-wal',
    'GET /status/:id 200 body',
    'GET /status/:id 200 set-cookie',
    'command token list: stderr',
  ])('would be found in: %s', (place) => {
    for (const secret of secrets)
      for (const spelling of spellingsOf(secret.value)) {
        const { leaks } = judge([{ place, text: `before${spelling}behind` }], [secret], ALLOWED)
        expect(leaks).toEqual([{ kind: secret.kind, place }])
      }
  })

  it('would be found inside something that is encoded', () => {
    const text = Buffer.from(`x:${planted.partnerKey}:y`).toString('base64')
    const { leaks } = judge([{ place: 'log', text }], secrets, ALLOWED)
    expect(leaks).toEqual([{ kind: 'partnerKey', place: 'log' }])
  })
})

// --- The lives of three sites, and of one that never starts ---

const liveSettings = {
  SESSION_SECRET: planted.sessionSecret,
  SELF_SIGNUP: 'open',
  D360_PLATFORM_SECRET: planted.platformSecret,
  D360_IO_SIGNATURE: 'on',
  METRICS_TOKEN: planted.metricsToken,
  CHANNEL_WEBHOOK_URL: 'https://product.example/{tenant_id}/{channel_id}',
  CHANNEL_WEBHOOK_HEADERS: JSON.stringify({ authorization: planted.webhookHeader }),
  RATE_LIMIT_SIGN_IN: '1000',
}

/** Every way that a client's grant can go, with the API of the product, the admin area and the commands. */
async function liveWithApiKey(): Promise<void> {
  const life = await begin('sqlite', { ...liveSettings, D360_PARTNER_API_KEY: planted.partnerKey })
  const { site } = life
  const visitor = new Visitor(site.url)

  await happyJourney(life)
  await askOwner(life)
  for (const [n, fault] of faults.entries()) {
    site.hub.setFault(fault)
    await journey(life, `ch${n + 10}`)
    site.hub.clearFaults()
  }
  await oddVisits(life)
  await readApi(life)
  await useAdminArea(life)
  await runCommands(life)
  life.clock.jump(40 * DAY_MS)
  await visitor.go('GET', `/connect/${await linkFor(life, 'late')}`)
  for (const token of someOf('linkToken')) await visitor.go('GET', `/connect/${token}`)
  for (const id of someOf('statusId')) await visitor.go('GET', `/status/${id}`)
  await end(life)
}

async function liveWithBearerLogin(): Promise<void> {
  const login = { D360_USERNAME: planted.username, D360_PASSWORD: planted.password }
  const life = await begin('postgres', { ...liveSettings, ...login, D360_PARTNER_API_KEY: '' })
  life.site.hub.setSwitches({ token_seconds: 60 })
  await journey(life, 'ch1')
  life.clock.jump(DAY_MS / 24)
  life.site.hub.setFault({ endpoint: 'token', kind: 'odd_answer', shape: 'not_json' })
  await journey(life, 'ch2')
  life.site.hub.settings.password = planted.wrongPassword
  life.clock.jump(DAY_MS / 24)
  await comeBackUnverified(life, 'ch3')
  await end(life)
}

async function liveWithWrongKey(): Promise<void> {
  const life = await begin('postgres', { ...liveSettings, D360_PARTNER_API_KEY: planted.wrongPartnerKey })
  await comeBackUnverified(life, 'ch1')
  await end(life)
}

/** Settings with a canary in every secret, and something wrong with each. */
async function startBadly(): Promise<void> {
  const simulator = { url: `http://user:${planted.wrongPassword}@localhost:1` }
  const bad = settingsFor({
    port: 70_000,
    databaseUrl: `postgres://latchkey:${planted.databasePassword}@127.0.0.1:1/none`,
    simulator,
    more: {
      D360_PARTNER_API_KEY: `${planted.partnerKey}\n${planted.wrongPartnerKey}`,
      VAULT_KEYS: JSON.stringify({ keys: [{ kty: 'oct', kid: 'k1', k: `${planted.platformSecret}!` }] }),
      SESSION_SECRET: `a b ${planted.sessionSecret}`,
      CHANNEL_WEBHOOK_HEADERS: `{"authorization": ${planted.webhookHeader}}`,
      METRICS_TOKEN: `a b ${planted.metricsToken}`,
      SMTP_URL: `smtp://latchkey:${planted.smtpPassword}@localhost:1/path`,
    },
  })
  expect(await command('main with bad settings', '../src/main.ts', [], bad)).toBe(1)
  expect(await command('migrate with bad settings', '../src/cli.ts', ['migrate'], bad)).toBe(1)

  const server = new URL(String(process.env.TEST_POSTGRES_URL))
  const right = settingsFor({
    port: 3000,
    databaseUrl: '',
    simulator: { url: 'http://localhost:1' },
    more: {},
  })
  for (const address of [server.host, '127.0.0.1:1']) {
    const databaseUrl = `postgres://latchkey:${planted.databasePassword}@${address}/postgres`
    const settings = { ...right, DATABASE_URL: databaseUrl }
    expect(await command('migrate elsewhere', '../src/cli.ts', ['migrate'], settings)).toBe(1)
  }
}

// --- What happens in them ---

const faults: Fault[] = [
  { endpoint: 'create_key', kind: 'odd_answer', shape: 'wrapped' },
  { endpoint: 'create_key', kind: 'odd_answer', shape: 'key' },
  { endpoint: 'create_key', kind: 'odd_answer', shape: 'masked' },
  { endpoint: 'create_key', kind: 'odd_answer', shape: 'not_json' },
  { endpoint: 'create_key', kind: 'odd_answer', shape: 'empty' },
  { endpoint: 'create_key', kind: 'odd_answer', shape: 'host' },
  { endpoint: 'create_key', kind: 'lost_after_commit' },
  { endpoint: 'create_key', kind: 'status', status: 500, committed: true },
  { endpoint: 'create_key', kind: 'status', status: 400 },
  { endpoint: 'create_key', kind: 'status', status: 403 },
  { endpoint: 'clients', kind: 'status', status: 401 },
  { endpoint: 'clients', times: 4, kind: 'lost_after_commit' },
  { endpoint: 'channels', times: 4, kind: 'status', status: 502 },
  { endpoint: 'channels', kind: 'odd_answer', shape: 'not_json' },
  { endpoint: 'list_keys', kind: 'odd_answer', shape: 'not_json' },
  { endpoint: 'phone_number', kind: 'status', status: 401 },
  { endpoint: 'phone_number', kind: 'lost_after_commit' },
  { endpoint: 'phone_number', kind: 'odd_answer', shape: 'not_json' },
  { endpoint: 'webhook_set', kind: 'status', status: 500 },
]

interface Life {
  readonly site: Site
  readonly clock: FastClock
  readonly mailbox: Mailbox
  readonly engine: Engine
  readonly settings: Readonly<Record<string, string>>
}

async function begin(engine: Engine, more: Readonly<Record<string, string>>): Promise<Life> {
  const clock = new FastClock()
  const simulator = await startSimulator({
    port: 0,
    partnerId: PARTNER_ID,
    partnerApiKey: planted.partnerKey,
    username: planted.username,
    password: planted.password,
    platformSecret: planted.platformSecret,
    redirectUrl: 'http://localhost:1/callback',
    now: () => clock.now(),
  })
  simulators.push(simulator)
  simulator.hub.setSwitches({ io_signature_required: true })
  learnFrom(simulator)
  const database = await createDatabase(engine)
  databases.push(database)
  const mailbox = await openMailbox()
  mailboxes.push(mailbox)
  mailbox.demand({ user: 'latchkey', password: planted.smtpPassword })
  const login = `latchkey:${planted.smtpPassword}`
  const mail = { SMTP_URL: mailbox.url.replace('//', `//${login}@`), MAIL_FROM: 'connect@nordlicht.example' }
  const all = { ...mail, ...more }
  const site = await startSite({ databaseUrl: database.url, simulator, clock, settings: all })
  running.add(site)
  const { port } = site.config
  const settings = settingsFor({ port, databaseUrl: database.url, simulator, more: all })
  for (const { k } of JSON.parse(String(settings.VAULT_KEYS)).keys) {
    learn('vaultKey', k)
    learn('vaultKeyBytes', Buffer.from(k, 'base64url').toString('latin1'))
  }
  return { site, clock, mailbox, engine, settings }
}

/** Every secret that this 360dialog hands out is one of ours to keep. */
function learnFrom({ hub }: Simulator): void {
  const { mintKey, mintForeignKey } = hub
  hub.mintForeignKey = (channelId) => learn('foreignKey', mintForeignKey.call(hub, channelId))
  hub.mintKey = (channelId) => {
    const key = mintKey.call(hub, channelId)
    learn('channelKey', key.value)
    return key
  }
  const { issue } = hub.tokens
  hub.tokens.issue = (seconds) => learn('bearerToken', issue.call(hub.tokens, seconds))
}

/** Reads what the site leaves behind, and then takes its database away under its feet. */
async function end({ site, mailbox, engine }: Life): Promise<void> {
  seen.push(...mailbox.mails.map(({ source: text }) => ({ place: 'mail', text })))
  for (const { table, column, text } of await readCells(site.context.db, engine))
    seen.push({ place: `cell ${table}.${column}`, text })
  if (engine === 'sqlite') {
    const folder = dirname(sqliteFile(site.config.databaseUrl))
    for (const name of readdirSync(folder)) {
      const text = readFileSync(join(folder, name), 'latin1')
      seen.push({ place: `file ${name}`, text })
    }
  }
  await site.context.db.destroy()
  const visitor = new Visitor(site.url)
  for (const { kind, value } of secrets) {
    if (kind === 'linkToken')
      expect(await visitor.go('GET', `/connect/${value}`)).toMatchObject({ status: 500 })
    if (kind === 'confirmLink') await visitor.go('GET', `/confirm/${value}`)
    if (kind === 'apiToken') await visitor.go('GET', '/api/v1/token', { authorization: `Bearer ${value}` })
    if (kind === 'nonce') await visitor.go('GET', `/callback?state=${value}&client=c&channels=[x]`)
  }
  await visitor.post('/admin/sign-in', { name: 'anna', password: planted.adminPassword })
  running.delete(site)
  await site.stop()
  seen.push(...site.log.map((text) => ({ place: 'log', text })))
}

interface Traveller {
  readonly visitor: Visitor
  readonly link: string
  readonly back: string
  readonly nonce: string
}

async function linkFor({ site }: Life, channelId: string): Promise<string> {
  const order = { tenantId: `t-${channelId}`, tenantName: channelId, email: emailOf(channelId) }
  return learn('linkToken', String((await site.link(order)).split('/').at(-1)))
}

async function leave(
  life: Life,
  channelId: string,
  acts: VisitActs = newClient(channelId),
): Promise<Traveller> {
  const visitor = new Visitor(life.site.url)
  const token = await linkFor(life, channelId)
  const link = `/connect/${token}`
  await visitor.go('GET', link)
  // An IO signature holds for one launch, and signs nothing but the second it was made in.
  life.clock.jump(1_000)
  const { location } = await visitor.post(link, {})
  const nonce = learn('nonce', String(new URL(location).searchParams.get('state')))
  const { pathname, search } = new URL(life.site.hub.visit(location, acts))
  return { visitor, link, back: `${pathname}${search}`, nonce }
}

/** Comes back, and looks at the status page in both forms. */
async function comeBack({ visitor, back }: Pick<Traveller, 'visitor' | 'back'>): Promise<string> {
  const { location } = await visitor.go('GET', back)
  learn('statusId', String(location.split('/').at(-1)))
  await visitor.go('GET', location)
  await visitor.go('GET', location, { accept: 'application/json' })
  return location
}

/** A grant, until it ended or waits for something that will not come by itself. */
async function journey(life: Life, channelId: string, acts?: VisitActs): Promise<void> {
  const traveller = await leave(life, channelId, acts)
  const status = await comeBack(traveller)
  await eventually(async () => {
    const found = await life.site.context.channels.find(channelId)
    if (!found) return false
    const isProbed = found.probeState !== undefined && found.probeState !== 'due'
    const isTold = found.webhookState !== undefined && found.webhookState !== 'due'
    return found.mintProblem !== undefined || (isProbed && isTold)
  })
  await traveller.visitor.go('GET', status)
}

async function comeBackUnverified(life: Life, channelId: string): Promise<void> {
  await comeBack(await leave(life, channelId))
  await eventually(() => life.site.log.some((line) => line.includes('refuses the credentials')))
}

async function happyJourney(life: Life): Promise<void> {
  await journey(life, 'ch1')
  await signUpAndComeBack(life, 'ch2')
  await comeBack(await leave(life, 'ch3', { cancel: true }))
  const revoked = await leave(life, 'ch4')
  life.site.hub.revoke('ch4')
  await comeBack(revoked)
}

async function signUpAndComeBack({ site, clock }: Life, channelId: string): Promise<void> {
  const visitor = new Visitor(site.url)
  await visitor.go('GET', '/')
  clock.jump(1_000)
  const number = `+49 30 ${channelId.slice(2).padStart(7, '0')}`
  const form = { company: 'Shop', email: emailOf(channelId), number, consent: 'yes' }
  const { location } = await visitor.post('/connect', form)
  learn('nonce', String(new URL(location).searchParams.get('state')))
  const { pathname, search } = new URL(site.hub.visit(location, newClient(channelId)))
  await comeBack({ visitor, back: `${pathname}${search}` })
}

/** The owner answers one mail; another one cannot leave, since the mail server takes the login no more. */
async function askOwner(life: Life): Promise<void> {
  const { site, mailbox } = life
  const { link } = await eventually(() => mailbox.mails[0])
  learn('confirmLink', link.replace('/confirm/', ''))
  const owner = new Visitor(site.url)
  for (const method of ['HEAD', 'GET', 'PUT']) await owner.go(method, link)
  await owner.post(link, { answer: 'perhaps', channels: 'ch2' })
  expect(await owner.post(link, { answer: 'yes', channels: 'ch2' })).toMatchObject({ status: 303 })
  await owner.go('GET', link)

  mailbox.demand({ user: 'latchkey', password: 'another' })
  await signUpAndComeBack(life, 'ch7')
  await eventually(() => site.log.some((line) => line.includes('"failure":"EAUTH"')))
  const confirmations = new OwnerConfirmationStore({ ...site.context, hubId: site.config.hubId })
  const unsent = await site.context.db
    .selectFrom('ownerConfirmation')
    .selectAll()
    .where('sealedLink', 'is not', null)
    .executeTakeFirstOrThrow()
  learn('confirmLink', await confirmations.openLink(unsent))
}

/** What strangers, scanners, lost cookies and broken links do. */
async function oddVisits(life: Life): Promise<void> {
  const { visitor, link, back, nonce } = await leave(life, 'ch5')
  const stranger = new Visitor(life.site.url)
  await stranger.go('GET', back)
  await stranger.go('GET', '/returned')
  await visitor.go('HEAD', back)
  await visitor.go('POST', back)
  await visitor.go('GET', `${back}&client=another`)
  await visitor.go('GET', `/callback?state=${nonce}&client=%E0%A4%A&channels=[x]`)
  await visitor.go('GET', `/callback?state=${nonce}&nonce=${'x'.repeat(9_000)}`)
  await visitor.go('GET', `/callback?state=${nonce}&channels=<script>`)
  await visitor.go('GET', `${link}x`)
  await visitor.go('PUT', link)
  await visitor.go('POST', link, { origin: 'https://evil.example' })
  await visitor.go('POST', link, { 'content-type': 'application/x-www-form-urlencoded' }, 'a'.repeat(20_000))
  await visitor.post('/connect', { company: '', email: 'no', number: '1' })
  await visitor.go('GET', `/nothing/${nonce}?x=${planted.partnerKey}`)
  await visitor.go('GET', `/status/${nonce}`)
  for (const path of ['/healthz', '/readyz', '/metrics', '/site.css']) await visitor.go('GET', path)
  await visitor.go('GET', '/metrics', { authorization: `Bearer ${planted.metricsToken}` })
  await visitor.go('GET', '/metrics', { authorization: `Bearer ${planted.sessionSecret}` })
}

async function readApi({ site }: Life): Promise<void> {
  const create = async (scopes: readonly ('channels:read' | 'keys:read')[], tenantId?: string) => {
    const made = await site.context.tokens.create({ name: 'p', scopes, tenantId, expiresAt: undefined })
    learn('apiToken', made.secret)
    return made
  }
  const good = await create(['channels:read', 'keys:read'])
  const narrow = await create(['channels:read', 'keys:read'], 'another-tenant')
  const weak = await create(['channels:read'])
  const revoked = await create(['keys:read'])
  await site.context.tokens.revoke(revoked.id)
  const visitor = new Visitor(site.url)
  for (const { secret } of [good, narrow, weak, revoked, { secret: `${good.secret}x` }, { secret: 'lk_' }]) {
    for (const scheme of ['Bearer ', 'Basic ', '']) {
      const headers = { authorization: `${scheme}${secret}` }
      await visitor.go('GET', '/api/v1/token', headers)
      await visitor.go('GET', '/api/v1/channels?limit=3', headers)
      await visitor.go('GET', `/api/v1/channels?token=${secret}`, headers)
      for (const id of ['ch1', 'ch12', 'ch25', 'nothing', secret]) {
        await visitor.go('GET', `/api/v1/channels/${id}`, headers)
        await visitor.go('GET', `/api/v1/channels/${id}/api-key`, headers)
      }
      await visitor.go('GET', `/api/v1/${secret}`, headers)
    }
  }
}

async function useAdminArea(life: Life): Promise<void> {
  const { site } = life
  const create = ['admin', 'create', 'anna']
  const password = `${planted.adminPassword}\n`
  expect(await command('admin create', '../src/cli.ts', create, life.settings, password)).toBe(0)
  const code = learn('oneTimeCode', await site.context.admins.createFirstCode())

  const visitor = new Visitor(site.url)
  for (const path of ['/admin', '/admin/sign-in', '/admin/audit']) await visitor.go('GET', path)
  await visitor.post('/admin/sign-in', { name: 'anna', password: planted.wrongAdminPassword })
  await visitor.post('/admin/sign-in', { name: planted.misplacedPassword, password: '' })
  const { status } = await visitor.post('/admin/sign-in', { name: 'anna', password: planted.adminPassword })
  expect(status).toBe(303)
  for (const path of [
    '/admin',
    '/admin/search?q=ch',
    '/admin/audit',
    '/admin/cases/K7Q-2MD',
    '/admin/channels/nothing',
  ])
    await visitor.go('GET', path)
  // Connected, revoked, and one for each odd answer.
  for (const n of [1, 4, 10, 11, 12, 13, 14, 15, 16]) await visitor.go('GET', `/admin/channels/ch${n}`)
  for (const what of ['mint', 'probe', 'webhook', 'nothing'])
    await visitor.post('/admin/channels/ch1/try', { what })
  await decideInAdminArea(life, visitor)
  const sessions = await site.context.db.selectFrom('connectSession').select('code').limit(3).execute()
  for (const session of sessions) await visitor.go('GET', `/admin/cases/${session.code}`)
  await visitor.post('/admin/sign-out', {})

  const guest = new Visitor(site.url)
  await guest.go('HEAD', `/admin/first/${code}`)
  expect(await guest.go('GET', `/admin/first/${code}`)).toMatchObject({ status: 303 })
  await guest.go('GET', '/admin')
  await new Visitor(site.url).go('GET', `/admin/first/${code}`)
}

/** A number whose client uses a key: pasted where it does not belong, then where it does. */
async function decideInAdminArea(life: Life, visitor: Visitor): Promise<void> {
  const { site } = life
  const foreign = addRunningNumber(site, 'ch91')
  await journey(life, 'ch91', { clientId: 'cl-ch91', channels: ['ch91'] })
  await eventually(async () => {
    const channel = await site.context.channels.find('ch91')
    return channel?.mintState === 'needs_decision' && channel
  })
  // On this clock the sign-in is hardly fresh any more.
  await visitor.post('/admin/sign-in', { name: 'anna', password: planted.adminPassword })
  const page = await visitor.go('GET', '/admin/channels/ch91')
  const [, shown = ''] = /name="shown" value="([^"]+)"/.exec(page.text) ?? []
  for (const [path, status] of [
    ['/admin/channels/ch10/paste', 409],
    ['/admin/channels/ch91/paste', 303],
    ['/admin/channels/ch91/paste', 409],
  ] as const)
    expect(await visitor.post(path, { shown, key: foreign })).toMatchObject({ status })
  await visitor.go('GET', '/admin/channels/ch91?tried=pasted')
}

function addRunningNumber({ hub }: Site, id: string): string {
  const createdAt = new Date(hub.now().getTime() - 90 * DAY_MS)
  hub.addClient({ id: `cl-${id}`, name: `Shop ${id}`, email: emailOf(id), createdAt })
  const number = { clientId: `cl-${id}`, phoneNumber: `+49308${id.slice(2)}0000`, displayName: id, createdAt }
  hub.addChannel({ id, ...number, running: true, permitted: true })
  return hub.mintForeignKey(id)
}

async function runCommands({ settings, site }: Life): Promise<void> {
  const run = (words: string, more: string[] = [], input = '', over = {}) =>
    command(words, '../src/cli.ts', [...words.split(' '), ...more], { ...settings, ...over }, input)
  const outputOf = (words: string) =>
    String(seen.findLast(({ place }) => place === `command ${words}: stdout`)?.text).trim()

  expect(await run('token create', ['--name', 'cli', '--scope', 'keys:read'])).toBe(0)
  learn('apiToken', outputOf('token create'))
  expect(await run('link create', ['--tenant', 't9', '--name', 'Nine', '--email', emailOf('ch9')])).toBe(0)
  learn('linkToken', String(outputOf('link create').split('/').at(-1)))
  expect(await run('vault new-key')).toBe(0)
  learn('newVaultKey', JSON.parse(outputOf('vault new-key')).keys[0].k)
  // Another key under the id of the one that sealed: the start proves it wrong.
  const { keys } = JSON.parse(String(settings.VAULT_KEYS))
  const k = learn('vaultKey', Buffer.alloc(32, planted.platformSecret).toString('base64url'))
  const wrongKeys = { VAULT_KEYS: JSON.stringify({ keys: [{ ...keys[0], k }] }) }
  const foreign = addRunningNumber(site, 'ch92')
  const file = (line: string) => `channel,tenant,key\n${line}\n`
  const codes = await Promise.all([
    run('key import', [], file(`ch92,t92,${foreign},${foreign}`)),
    run('key import', [], file(`${foreign},t92,ch92\nch92,t92,${foreign}x`)),
    run('token list'),
    run('admin create', ['anna'], `${planted.adminPassword}\n`),
    run('admin create', ['bert'], 'short\n'),
    run('token create', ['--name', 'x', '--scope', 'everything']),
    run('nonsense'),
    run('admin list', [], '', wrongKeys),
  ])
  expect(codes).toEqual([2, 1, 0, 1, 1, 2, 2, 1])
  expect(await run('key import', [], file(`ch92,t92,${foreign}`))).toBe(0)
  expect(await run('key show', ['ch92'])).toBe(0)
}

// --- Who writes down what was seen ---

function learn(kind: string, value: string): string {
  if (value.length < 16) throw new Error(`too short to be a secret: ${kind}`)
  secrets.push({ kind, value })
  return value
}

/** The first few of a kind. */
function someOf(kind: string): string[] {
  const found = secrets.filter((secret) => secret.kind === kind)
  return found.slice(0, 3).map(({ value }) => value)
}

/** Runs a program to its end, and answers its exit code. */
async function command(
  name: string,
  file: string,
  args: readonly string[],
  settings: Readonly<Record<string, string>>,
  input = '',
): Promise<number | null> {
  const { code, stdout, stderr } = await runChild(file, args, settings, input)
  seen.push(
    { place: `command ${name}: stdout`, text: stdout },
    { place: `command ${name}: stderr`, text: stderr },
  )
  return code
}

/** A browser with cookies; whatever it is answered is seen. */
class Visitor {
  readonly #url: string
  readonly #cookies = new Map<string, string>()

  constructor(url: string) {
    this.#url = url
  }

  post(path: string, form: Record<string, string>) {
    const type = { 'content-type': 'application/x-www-form-urlencoded' }
    return this.go('POST', path, type, new URLSearchParams(form).toString())
  }

  async go(
    method: string,
    path: string,
    headers: Record<string, string> = {},
    body?: string,
  ): Promise<{ status: number; location: string; text: string }> {
    const cookie = [...this.#cookies].map((pair) => pair.join('=')).join('; ')
    const sent = { accept: 'text/html', ...headers, ...(cookie && { cookie }) }
    const answer = await fetch(new URL(path, this.#url), {
      method,
      headers: sent,
      redirect: 'manual',
      ...(body !== undefined && { body }),
    })
    const place = `${method} ${patternOf(path)} ${answer.status}`
    for (const [name, text] of answer.headers) seen.push({ place: `${place} ${name}`, text })
    const text = await answer.text()
    seen.push({ place: `${place} body`, text })
    for (const line of answer.headers.getSetCookie()) this.#keep(line)
    return { status: answer.status, location: answer.headers.get('location') ?? '', text }
  }

  #keep(line: string): void {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
    this.#cookies.set(name, value)
    // Signed: `s:ID.SIGNATURE`. The id is the secret.
    const id = decodeURIComponent(value).replace(/^s:/, '').split('.')[0] ?? ''
    if (name === 'admin' && id !== '') learn('adminSession', id)
    if (name === 'browser') learn('browserId', id)
  }
}

function patternOf(path: string): string {
  return path
    .replace(/\?.*$/, '')
    .replace(/^\/connect\/.+$/, '/connect/:token')
    .replace(/^\/status\/.+$/, '/status/:id')
    .replace(/^\/confirm\/.+$/, '/confirm/:id')
    .replace(/^(\/api\/v1\/channels)\/[^/]+/, '$1/:id')
    .replace(/^\/admin\/first\/.+$/, '/admin/first/:code')
    .replace(/^(\/admin\/channels)\/[^/]+/, '$1/:id')
    .replace(/^\/api\/v1\/lk_.*$/, '/api/v1/(none)')
    .replace(/^\/nothing\/.*$/, '/(none)')
}
