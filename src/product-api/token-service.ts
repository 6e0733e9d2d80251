import type { AuditLog } from '../audit/audit-log.ts'
import type { Clock } from '../clock.ts'
import { compiledQuery } from '../database/compiled-query.ts'
import { type Database, inTransaction } from '../database/database.ts'
import type { NewRow, Row } from '../database/schema.ts'
import { ForbiddenError, UnauthenticatedError } from '../errors.ts'
import { hashOf, newId, newSecret } from '../identifiers.ts'

/** What a token may do. */
export const scopes = ['channels:read', 'keys:read'] as const
export type Scope = (typeof scopes)[number]

const PREFIX = 'lk_'

/** A token of the product's API. Its secret is not kept. */
export type ApiToken = Row<'apiToken'>

export type NewApiToken = Pick<NewRow<'apiToken'>, 'name' | 'tenantId' | 'expiresAt'> & {
  readonly scopes: readonly Scope[]
}

interface Dependencies {
  readonly db: Database
  readonly audit: AuditLog
  readonly clock: Clock
}

/** Creates, checks and revokes the tokens with which the product calls. Only their SHA-256 is kept. */
export class TokenService {
  readonly #db: Database
  readonly #audit: AuditLog
  readonly #clock: Clock

  constructor({ db, audit, clock }: Dependencies) {
    this.#db = db
    this.#audit = audit
    this.#clock = clock
  }

  /** Answers the secret; it is shown this once. */
  async create(token: NewApiToken): Promise<{ id: string; secret: string }> {
    const now = this.#clock.now()
    const secret = `${PREFIX}${newSecret()}`
    const id = newId('tok', now)
    await inTransaction(this.#db, async (trx) => {
      await trx
        .insertInto('apiToken')
        .values({ ...token, id, tokenHash: hashOf(secret), createdAt: now })
        .execute()
      const { name, scopes, tenantId } = token
      const detail = { token: id, name, scopes: scopes.join(' ') }
      await this.#audit.record({ actor: 'cli', action: 'token.created', tenantId, detail }, trx)
    })
    return { id, secret }
  }

  /** False when no live token has this id. */
  async revoke(id: string): Promise<boolean> {
    return inTransaction(this.#db, async (trx) => {
      const revoked = await trx
        .updateTable('apiToken')
        .set({ revokedAt: this.#clock.now() })
        .where('id', '=', id)
        .where('revokedAt', 'is', null)
        .executeTakeFirst()
      if (revoked.numUpdatedRows !== 1n) return false
      await this.#audit.record({ actor: 'cli', action: 'token.revoked', detail: { token: id } }, trx)
      return true
    })
  }

  /** The live tokens, by name. */
  list(): Promise<ApiToken[]> {
    return this.#db
      .selectFrom('apiToken')
      .selectAll()
      .where('revokedAt', 'is', null)
      .orderBy('name')
      .execute()
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
    const [token] = await findLive(this.#db, { tokenHash: hashOf(secret), now: this.#clock.now() })
    if (!token) throw new UnauthenticatedError('This API token is unknown, revoked or expired.')
    if (scope && !token.scopes.includes(scope))
      throw new ForbiddenError(`This API token lacks the scope ${scope}.`)
    return token
  }
}

const findLive = compiledQuery<{ tokenHash: string; now: Date }, ApiToken>((db, value) =>
  db
    .selectFrom('apiToken')
    .selectAll()
    .where('tokenHash', '=', value('tokenHash'))
    .where('revokedAt', 'is', null)
    .where((token) => token.or([token('expiresAt', 'is', null), token('expiresAt', '>', value('now'))])),
)
