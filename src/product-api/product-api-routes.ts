import { type Request, Router } from 'express'
import type { z } from 'zod'
import type { ChannelDetails, ChannelService } from '../channels/channel-service.ts'
import { InvalidInputError, NotFoundError } from '../errors.ts'
import { paths } from '../paths.ts'
import { plainAddress } from '../web/plain-address.ts'
import {
  channelQuery,
  toChannelDocument,
  toChannelPage,
  toKeyDocument,
  toTokenDocument,
} from './documents.ts'
import type { KeyReadService } from './key-read-service.ts'
import type { ApiToken, Scope, TokenService } from './token-service.ts'

interface Dependencies {
  readonly tokens: TokenService
  readonly channels: ChannelService
  readonly keyReads: KeyReadService
}

/** The product's API: what is connected, and the key of a channel. */
export function createProductApiRoutes({ tokens, channels, keyReads }: Dependencies): Router {
  const router = Router()
  const authenticate = (req: Request, scope?: Scope) => tokens.authenticate(req.get('authorization'), scope)

  router.use(paths.api, (_req, res, next) => {
    res.set('cache-control', 'no-store')
    next()
  })
  router.use(paths.api, plainAddress)

  router.get(`${paths.api}/token`, async (req, res) => {
    res.json(toTokenDocument(await authenticate(req)))
  })

  router.get(`${paths.api}/channels`, async (req, res) => {
    const token = await authenticate(req, 'channels:read')
    const { limit, tenantId, ...filter } = readQuery(req)
    const visible = { ...filter, tenantId: tenantSeenBy(token, tenantId) }
    const found = await channels.list({ ...visible, limit: limit + 1 })
    res.json(toChannelPage(found, limit))
  })

  router.get(`${paths.api}/channels/:channelId`, async (req, res) => {
    const token = await authenticate(req, 'channels:read')
    const channel = await findChannel(channels, token, String(req.params.channelId))
    res.json(toChannelDocument(channel))
  })

  router.get(`${paths.api}/channels/:channelId/api-key`, async (req, res) => {
    const token = await authenticate(req, 'keys:read')
    const channel = await findChannel(channels, token, String(req.params.channelId))
    res.json(toKeyDocument(channel.id, await keyReads.read(channel, token)))
  })

  router.use(paths.api, () => {
    throw new NotFoundError('not_found', 'The API has no such address.')
  })

  return router
}

function readQuery(req: Request): z.infer<typeof channelQuery> {
  const query = channelQuery.safeParse(req.query)
  if (query.success) return query.data
  const names = query.error.issues.map((issue) => issue.path.join('.') || 'an unknown parameter')
  throw new InvalidInputError(`The query has a problem with: ${[...new Set(names)].join(', ')}.`, 400)
}

/** A token of one tenant sees that tenant, and of any other nothing. */
function tenantSeenBy(token: ApiToken, asked: string | undefined): string | undefined {
  if (token.tenantId === undefined) return asked
  return asked === undefined || asked === token.tenantId ? token.tenantId : ''
}

async function findChannel(
  channels: ChannelService,
  token: ApiToken,
  channelId: string,
): Promise<ChannelDetails> {
  const channel = await channels.find(channelId)
  const hidden = token.tenantId !== undefined && channel?.tenantId !== token.tenantId
  if (!channel || hidden) throw new NotFoundError('unknown_channel', 'There is no channel with this id.')
  return channel
}
