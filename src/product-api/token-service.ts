import type { AuditLog } from '../audit/audit-log.ts'
import type { Clock } from '../clock.ts'
import { type Database, inTransaction } from '../database/database.ts'
import { prepared } from '../database/prepared.ts'
import type { ApiTokenRow } from '../database/schema.ts'
import { ForbiddenError, UnauthenticatedError } from '../errors.ts'
import { hashOf, newId, newSecret } from '../identifiers.ts'

/** What a token may do. Later scopes are added, none is renamed. */
export const scopes = ['channels:read', 'keys:read'] as const
export type Scope = (typeof scopes)[number]

const PREFIX = 'lk_'

/** A token of the product's API, without its secret. */
export interface ApiToken {
  readonly id: string
  readonly name: string
  readonly scopes: readonly string[]
  /** The one tenant that it may see; undefined: all. */
  readonly tenantId: string | undefined
  readonly expiresAt: Date | undefined
}

export interface NewApiToken {
  readonly name: string
  readonly scopes: readonly Scope[]
  readonly tenantId: string | undefined
  readonly expiresAt: Date | undefined
}

/** Makes, checks and revokes the tokens with which the product calls. Only their SHA-256 is kept. */
export class TokenService {
  readonly #db: Database
  readonly #hubId: string
  readonly #audit: AuditLog
  readonly #clock: Clock

  constructor(given: { db: Database; hubId: string; audit: AuditLog; clock: Clock }) {
    this.#db = given.db
    this.#hubId = given.hubId
    this.#audit = given.audit
    this.#clock = given.clock
  }

  /** Answers the secret; it is shown this once. */
  async create({ name, scopes, tenantId, expiresAt }: NewApiToken): Promise<{ id: string; secret: string }> {
    const now = this.#clock.now()
    const secret = `${PREFIX}${newSecret()}`
    const id = newId('tok', now)
    await inTransaction(this.#db, async (trx) => {
      await trx
        .insertInto('api_token')
        .values({
          hub_id: this.#hubId,
          id,
          name,
          token_hash: hashOf(secret),
          scopes: JSON.stringify(scopes),
          tenant_id: tenantId ?? null,
          created_at: now.toISOString(),
          expires_at: expiresAt?.toISOString() ?? null,
          revoked_at: null,
        })
        .execute()
      const detail = { token: id, name, scopes: scopes.join(' ') }
      await this.#audit.record(
        { actor: 'cli', action: 'token.created', ...(tenantId && { tenantId }), detail },
        trx,
      )
    })
    return { id, secret }
  }

  /** False when no live token has this id. */
  async revoke(id: string): Promise<boolean> {
    return inTransaction(this.#db, async (trx) => {
      const revoked = await trx
        .updateTable('api_token')
        .set({ revoked_at: this.#clock.now().toISOString() })
        .where('hub_id', '=', this.#hubId)
        .where('id', '=', id)
        .where('revoked_at', 'is', null)
        .executeTakeFirst()
      if (revoked.numUpdatedRows !== 1n) return false
      await this.#audit.record({ actor: 'cli', action: 'token.revoked', detail: { token: id } }, trx)
      return true
    })
  }

  /** The live tokens, by name. */
  async list(): Promise<ApiToken[]> {
    const rows = await this.#db
      .selectFrom('api_token')
      .selectAll()
      .where('hub_id', '=', this.#hubId)
      .where('revoked_at', 'is', null)
      .orderBy('name')
      .execute()
    return rows.map(toToken)
  }

  /**
   * The token behind an `Authorization` header.
   *
   * @throws UnauthenticatedError when there is none, or it is unknown, revoked or expired
   * @throws ForbiddenError when it lacks the scope
   */
  async authenticate(authorization: string | undefined, scope: Scope | undefined): Promise<ApiToken> {
    const [scheme, secret] = (authorization ?? '').split(' ')
    if (scheme?.toLowerCase() !== 'bearer' || !secret?.startsWith(PREFIX)) {
      throw new UnauthenticatedError('Send an API token: "Authorization: Bearer lk_…".')
    }
    const token = await this.#find(secret)
    if (!token) throw new UnauthenticatedError('This API token is unknown, revoked or expired.')
    if (scope && !token.scopes.includes(scope))
      throw new ForbiddenError(`This API token lacks the scope ${scope}.`)
    return token
  }

  async #find(secret: string): Promise<ApiToken | undefined> {
    const [row] = await findLive(this.#db, { token_hash: hashOf(secret), hub_id: this.#hubId })
    const token = row && toToken(row)
    const expired = token?.expiresAt !== undefined && token.expiresAt <= this.#clock.now()
    return expired ? undefined : token
  }
}

const findLive = prepared<{ token_hash: string; hub_id: string }, ApiTokenRow>((db, value) =>
  db
    .selectFrom('api_token')
    .selectAll()
    .where('token_hash', '=', value('token_hash'))
    .where('hub_id', '=', value('hub_id'))
    .where('revoked_at', 'is', null),
)

function toToken(row: ApiTokenRow): ApiToken {
  return {
    id: row.id,
    name: row.name,
    scopes: JSON.parse(row.scopes),
    tenantId: row.tenant_id ?? undefined,
    expiresAt: row.expires_at === null ? undefined : new Date(row.expires_at),
  }
}
