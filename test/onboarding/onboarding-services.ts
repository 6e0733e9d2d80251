import { pino } from 'pino'
import { ChannelService } from '../../src/channels/channel-service.ts'

import type { Channel } from '../../src/d360/channel.ts'
import type { Client } from '../../src/d360/client.ts'
import { derivedSecret, hashOf } from '../../src/identifiers.ts'
import { Jobs } from '../../src/jobs/jobs.ts'
import { Runner } from '../../src/jobs/runner.ts'
import { readCallbackQuery } from '../../src/onboarding/callback-query.ts'
import { ConnectSessionService } from '../../src/onboarding/connect-session-service.ts'
import { LaunchSigner } from '../../src/onboarding/launch-signer.ts'
import { ReturnReceiver } from '../../src/onboarding/return-receiver.ts'
import { ReturnRepository } from '../../src/onboarding/return-repository.ts'
import { ReturnService } from '../../src/onboarding/return-service.ts'
import { ReviewRepository } from '../../src/onboarding/review-repository.ts'
import { ReviewService } from '../../src/onboarding/review-service.ts'
import type { OpenedDatabase } from '../databases.ts'
import { TestClock } from '../test-clock.ts'

/** A browser as its cookie makes it known. */
export const browserOf = (name: string) => ({
  hash: hashOf(name),
  secretFor: (subject: string) => derivedSecret(name, subject),
})

export type Onboarding = ReturnType<typeof openOnboarding>

/** Onboarding's services on a database, beside a 360dialog that lists what a test puts there. */
export function openOnboarding({ db }: Pick<OpenedDatabase, 'db'>) {
  const clock = new TestClock()
  const logger = pino({}, { write() {} })
  const clients: Client[] = []
  const listed: Channel[] = []
  const minted: string[] = []
  const partnerApi = {
    takeSpareCall: async () => true,
    findClientWithChannels: async (id: string) => {
      const client = clients.find((client) => client.id === id)
      return client && { client, channels: listed.filter(({ clientId }) => clientId === id) }
    },
  }
  const mints = {
    request: async ({ channelId }: { channelId: string }) => {
      minted.push(channelId)
    },
    holdBack: async () => {},
  }
  const owners = { ask: async () => 'nothing_matches' as const }
  const probes = { retry: async () => true }
  const audit = { record: async () => {} } as never
  const jobs = new Jobs({ db, clock })
  const channels = new ChannelService({ db })
  const settings = {
    template: 'https://hub.example/{partner_id}',
    partnerId: 'p',
    callbackUrl: new URL('https://latchkey.example/callback'),
    stateIn: 'both',
  } as const
  const sessions = new ConnectSessionService({
    ...{ db, channels, settings, clock },
    signer: new LaunchSigner({ db, clock, partnerId: 'p', secret: undefined }),
  })
  const returns = new ReturnRepository({ db })
  const crashPoint = () => {}
  const receiver = new ReturnReceiver({ db, sessions, returns, channels, jobs, clock, logger, crashPoint })
  const reviews = new ReviewService({
    reviews: new ReviewRepository({ db }),
    ...{ db, returns, sessions, channels, mints, partnerApi, audit, clock },
  })
  const service = new ReturnService({
    ...{ db, sessions, returns, reviews, owners, channels, mints, partnerApi, audit, clock, crashPoint },
    probes: probes as never,
    sync: { readSharesOf: async () => false },
  })
  const runner = new Runner({
    db,
    jobs,
    works: service.works,
    clock,
    logger,
    hasRequestsInFlight: () => false,
  })

  return {
    ...{
      db,
      clock,
      clients,
      listed,
      minted,
      channels,
      sessions,
      returns,
      receiver,
      reviews,
      service,
      runner,
    },

    /** 360dialog lists a client with these channels. */
    list(clientId: string, ...channelIds: string[]) {
      clients.push({
        id: clientId,
        name: clientId,
        emails: [`${clientId}@shop.example`],
        createdAt: undefined,
        maxChannels: undefined,
      })
      for (const id of channelIds) listed.push({ ...channel, id, clientId })
    },

    /** A session of a tenant leaves in a browser; answers the nonce. */
    async leave(tenantId: string, browser: string, email?: string): Promise<string> {
      const order = { tenantId, tenantName: `Shop ${tenantId}`, email, emailVerified: email !== undefined }
      const session = await sessions.findByLink(await sessions.createLink(order))
      if (!session) throw new Error('a link has no session')
      const screen = await sessions.launch(session, browserOf(browser))
      return screen.searchParams.get('state') ?? ''
    },

    /** A browser comes back; answers the id of the page that it goes on to. */
    async comeBack(browser: string, query: string): Promise<string | undefined> {
      const read = readCallbackQuery(`/callback?${query}`)
      const match = await receiver.match(read, browserOf(browser))
      await receiver.store(read, match, hashOf(browser))
      return match.kind === 'launch' ? match.pageId : undefined
    },

    listReturns: () => db.selectFrom('connectReturn').selectAll().orderBy('id').execute(),
    listNamed: () =>
      db.selectFrom('returnedChannel').selectAll().orderBy('returnId').orderBy('channelId').execute(),
    listJobs: () => db.selectFrom('job').select(['kind', 'subject', 'priority']).orderBy('id').execute(),
  }
}

const channel: Omit<Channel, 'id' | 'clientId'> = {
  phoneNumber: '+4930123456',
  displayName: 'Shop',
  status: 'live',
  rawStatus: 'account_mode=live',
  running: true,
  createdAt: undefined,
  facts: {},
}
