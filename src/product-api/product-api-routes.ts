import { type Request, Router } from 'express'
import { z } from 'zod'
import type { ChannelRepository, ChannelState } from '../channels/channel-repository.ts'
import { InvalidInputError, NotFoundError } from '../errors.ts'
import { paths } from '../paths.ts'
import { toChannelDocument } from './channel-document.ts'
import type { KeyReadService } from './key-read-service.ts'
import type { ApiToken, Scope, TokenService } from './token-service.ts'

const id = z.string().regex(/^[A-Za-z0-9_.:-]{1,128}$/)
const channelQuery = z.strictObject({
  tenant_id: id.optional(),
  permission: z.enum(['shared', 'missing', 'unknown']).optional(),
  key_status: z
    .enum(['none', 'waiting', 'minting', 'stored', 'needs_decision', 'unknown', 'rejected', 'retired'])
    .optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z
    .string()
    .max(200)
    .transform((cursor) => Buffer.from(cursor, 'base64url').toString())
    .pipe(id)
    .optional(),
})

interface Given {
  readonly tokens: TokenService
  readonly channels: ChannelRepository
  readonly keyReads: KeyReadService
}

/** The product's API: what is connected, and the key of a channel. */
export function createProductApiRoutes({ tokens, channels, keyReads }: Given): Router {
  const router = Router()
  const authenticate = (req: Request, scope?: Scope) => tokens.authenticate(req.get('authorization'), scope)

  router.use(paths.api, (_req, res, next) => {
    res.set('cache-control', 'no-store')
    next()
  })

  router.get(`${paths.api}/token`, async (req, res) => {
    const { name, scopes, expiresAt } = await authenticate(req)
    res.json({ name, scopes, expires_at: expiresAt?.toISOString() ?? null })
  })

  router.get(`${paths.api}/channels`, async (req, res) => {
    const token = await authenticate(req, 'channels:read')
    const query = readQuery(req)
    const tenantId = tenantSeenBy(token, query.tenant_id)
    const found = await channels.list({
      ...(tenantId !== undefined && { tenantId }),
      ...(query.permission && { permission: query.permission }),
      ...(query.key_status && { keyStatus: query.key_status }),
      ...(query.cursor !== undefined && { after: query.cursor }),
      limit: query.limit + 1,
    })
    const page = found.slice(0, query.limit)
    const last = found.length > page.length ? page.at(-1) : undefined
    res.json({
      data: page.map(toChannelDocument),
      next_cursor: last ? Buffer.from(last.id).toString('base64url') : null,
    })
  })

  router.get(`${paths.api}/channels/:channelId`, async (req, res) => {
    const token = await authenticate(req, 'channels:read')
    res.json(toChannelDocument(await findChannel(channels, token, String(req.params.channelId))))
  })

  router.get(`${paths.api}/channels/:channelId/api-key`, async (req, res) => {
    const token = await authenticate(req, 'keys:read')
    const channel = await findChannel(channels, token, String(req.params.channelId))
    const key = await keyReads.read(channel, token)
    res.json({
      channel_id: channel.id,
      version: key.version,
      api_key: key.apiKey,
      address: key.address,
      app_id: key.appId ?? null,
      fingerprint: key.fingerprint,
      created_at: key.createdAt.toISOString(),
    })
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
  channels: ChannelRepository,
  token: ApiToken,
  channelId: string,
): Promise<ChannelState> {
  const channel = await channels.find(channelId)
  const hidden = token.tenantId !== undefined && channel?.tenantId !== token.tenantId
  if (!channel || hidden) throw new NotFoundError('unknown_channel', 'There is no channel with this id.')
  return channel
}
