import type { AuditLog } from '../audit/audit-log.ts'
import type { ChannelService } from '../channels/channel-service.ts'
import type { SyncService } from '../channels/sync-service.ts'
import type { Clock } from '../clock.ts'
import { type Fact, HubFacts } from '../d360/hub-facts.ts'
import type { HubAddresses, Partner } from '../d360/partner.ts'
import type { PartnerApi } from '../d360/partner-api.ts'
import type { Database } from '../database/database.ts'
import { UnavailableError } from '../errors.ts'
import { isLoopback } from '../loopback.ts'
import type { Mailer } from '../mail/mailer.ts'
import { paths } from '../paths.ts'
import type { Vault } from '../vault/vault.ts'
import { type Asked, ask, endsAll, judgeAccess } from './access-checks.ts'
import type { Check } from './check.ts'
import { judgeClock, judgeLastAnswer, judgePartner, judgeSync, leadsTo, publicPart } from './hub-checks.ts'
import { askThroughPublicUrl, type Reach } from './reach.ts'
import {
  judgeHttps,
  judgeLastNotice,
  judgeMail,
  judgePlatformSecret,
  judgeProxy,
  type LastNotice,
} from './site-checks.ts'
import { checkDatabase, checkVault } from './store-checks.ts'

interface Settings {
  readonly mode: 'demo' | 'live'
  readonly publicUrl: URL
  readonly partnerApiUrl: URL
  readonly hubId: string
  /** The first asks, all answer. */
  readonly sessionSecrets: readonly string[]
  readonly platformSecrets: readonly string[]
}

interface Dependencies {
  readonly settings: Settings
  readonly db: Database
  readonly vault: Vault
  readonly audit: AuditLog
  readonly partnerApi: PartnerApi
  readonly channels: ChannelService
  readonly sync: SyncService
  readonly clock: Clock
  readonly mailer: Mailer | undefined
  /** Of the notices, when they are kept. */
  readonly findLastNotice?: () => Promise<LastNotice | undefined>
}

/** The hub before and after; the same object twice when nothing had to be set. */
export interface AddressChange {
  readonly before: Partner
  readonly after: Partner
}

/** What has to be right before customers come: found out by asking, each by itself, and changing nothing. */
export class SetupService {
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /** Where 360dialog has to send customers and notices. */
  get addresses(): HubAddresses {
    const { publicUrl } = this.#dependencies.settings
    return {
      redirectUrl: new URL(paths.callback, publicUrl).href,
      webhookUrl: new URL(paths.notices, publicUrl).href,
    }
  }

  /** Every check, in the order in which one would fix things. */
  async check(): Promise<Check[]> {
    const { db, vault, settings, findLastNotice } = this.#dependencies
    const database = await checkDatabase(db)
    // Even a call to 360dialog counts itself there.
    if (database.state === 'wrong') return [database, ...(await this.#checkSite(undefined))]
    const last = await findLastNotice?.()
    return [
      database,
      await checkVault(db, settings.hubId, vault),
      ...(await this.#checkHub()),
      ...(await this.#checkSite(last)),
      ...(await this.#checkNews(last)),
    ]
  }

  /**
   * Sets both addresses at 360dialog, unless they are right already. What was there may be another system's: it is in
   * the answer whole, and in the audit by its host.
   *
   * @throws UnavailableError when a real 360dialog would be sent to this machine
   * @throws PartnerApiError
   */
  async setAddresses(actor: string): Promise<AddressChange> {
    this.#refuseUnreachable()
    const { partnerApi, audit } = this.#dependencies
    const ours = this.addresses
    const before = await partnerApi.readPartner()
    if (isSet(before, ours)) return { before, after: before }
    // Before it is sent, so that nothing changes there without a record.
    const redirectUrlBefore = publicPart(before.redirectUrl ?? '', ours.redirectUrl)
    const webhookUrlBefore = publicPart(before.webhookUrl ?? '', ours.webhookUrl)
    const detail = { redirectUrlBefore, webhookUrlBefore, ...ours }
    await audit.record({ actor, action: 'hub.addresses_set', detail })
    await partnerApi.setAddresses(ours)
    const after = await partnerApi.readPartner()
    if (leadsTo(ours.webhookUrl, after.webhookUrl)) return { before, after }
    await partnerApi.setWebhookUrl(ours.webhookUrl)
    return { before, after: await partnerApi.readPartner() }
  }

  /** What is not documented of 360dialog, as this hub answers it, without any id. */
  async collectFacts(): Promise<Fact[]> {
    const withKey = await this.#dependencies.channels.list({ keyStatus: 'stored', limit: 1_000 })
    return new HubFacts(this.#dependencies.partnerApi).collect(new Set(withKey.map(({ id }) => id)))
  }

  #refuseUnreachable(): void {
    const { publicUrl } = this.#dependencies.settings
    if (this.#isSimulated || (publicUrl.protocol === 'https:' && !isLoopback(publicUrl.hostname))) return
    throw new UnavailableError(
      `Nothing was set: 360dialog cannot reach ${publicUrl.origin}. Set PUBLIC_URL to the public https address.`,
    )
  }

  get #isSimulated(): boolean {
    return isLoopback(this.#dependencies.settings.partnerApiUrl.hostname)
  }

  async #checkHub(): Promise<Check[]> {
    const { partnerApi, channels } = this.#dependencies
    const hub = await ask(() => partnerApi.readPartner())
    const askNext = async <T>(question: () => Promise<T>): Promise<Asked<T>> =>
      endsAll(hub) ? { notAsked: 'Not asked, because of the lines above.' } : ask(question)
    // Of a number that is not shared, 360dialog may refuse the key records for its own sake.
    const [number] = await channels.list({ permission: 'shared', limit: 1 })
    const access = judgeAccess({
      hub,
      clients: await askNext(() => partnerApi.proveCredentials('clients')),
      numbers: await askNext(() => partnerApi.proveCredentials('channels')),
      keys: number
        ? await askNext(() => partnerApi.listApiKeyIds(number.id, 'known'))
        : { notAsked: 'Not asked: no number is shared yet.' },
    })
    return [...access, judgeClock(partnerApi.lastAnswer), ...judgePartner(hub, this.addresses)]
  }

  async #checkSite(last: LastNotice | undefined): Promise<Check[]> {
    const { publicUrl, platformSecrets } = this.#dependencies.settings
    const reach = await this.#reach()
    return [
      judgeHttps(publicUrl, this.#isSimulated, reach),
      judgeProxy(publicUrl, reach),
      await judgeMail(this.#dependencies.mailer),
      judgePlatformSecret(platformSecrets, last),
    ]
  }

  /** Undefined in a demo, which refuses what was forwarded. */
  async #reach(): Promise<Reach | undefined> {
    const { mode, publicUrl, sessionSecrets } = this.#dependencies.settings
    const [secret = ''] = sessionSecrets
    return mode === 'demo' ? undefined : askThroughPublicUrl(publicUrl, secret)
  }

  async #checkNews(lastNotice: LastNotice | undefined): Promise<Check[]> {
    const { partnerApi, sync, clock } = this.#dependencies
    return [
      judgeLastAnswer(partnerApi.lastAnswer, await partnerApi.findSlowedUntil()),
      judgeSync(await sync.read(), clock.now()),
      judgeLastNotice(lastNotice),
    ]
  }
}

function isSet(partner: Partner, { redirectUrl, webhookUrl }: HubAddresses): boolean {
  return leadsTo(redirectUrl, partner.redirectUrl) && leadsTo(webhookUrl, partner.webhookUrl)
}
