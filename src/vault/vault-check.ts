import type { Clock } from '../clock.ts'
import { type Database, inTransaction } from '../database/database.ts'
import { StartError } from '../errors.ts'
import { type SealContext, type Vault, VaultError } from './vault.ts'

/** The vault keys of the settings are not those of this database. The message names key ids, never keys. */
export class WrongVaultKeyError extends StartError {
  constructor(kid: string, problem: 'missing' | 'wrong') {
    super(
      problem === 'missing'
        ? `VAULT_KEYS lacks the key "${kid}", which this database is sealed with. Put it back: without it the stored API keys are lost.`
        : `VAULT_KEYS has a key "${kid}", but not the one this database is sealed with. Put the right one back.`,
    )
  }
}

/**
 * Proves that the vault holds every key that this database was sealed with, and leaves a check value for the
 * key that seals from now on.
 *
 * @throws WrongVaultKeyError when a key is missing or another one under the same id; nothing is changed then
 */
export async function proveVaultKeys(db: Database, hubId: string, vault: Vault, clock: Clock): Promise<void> {
  await inTransaction(db, async (trx) => {
    const proven = await openChecks(trx, hubId, vault)
    if (proven.includes(vault.sealingKid)) return
    const { kid, jwe } = await vault.seal(contextOf(hubId, vault.sealingKid), hubId)
    await trx
      .insertInto('vaultCheck')
      .values({ kid, sealed: jwe, createdAt: clock.now() })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  })
}

/**
 * Opens every check value and answers the ids of the keys proven so.
 *
 * @throws WrongVaultKeyError as above
 */
export async function openChecks(db: Database, hubId: string, vault: Vault): Promise<string[]> {
  const checks = await db.selectFrom('vaultCheck').selectAll().execute()
  for (const check of checks) {
    if (!vault.has(check.kid)) throw new WrongVaultKeyError(check.kid, 'missing')
    await proveKey(vault, contextOf(hubId, check.kid), check.sealed)
  }
  return checks.map((check) => check.kid)
}

function contextOf(hubId: string, kid: string): SealContext {
  return { hubId, kind: 'check', subject: kid, version: 0 }
}

async function proveKey(vault: Vault, context: SealContext, sealed: string): Promise<void> {
  try {
    await vault.open(context, sealed)
  } catch (error) {
    if (error instanceof VaultError) throw new WrongVaultKeyError(context.subject, 'wrong')
    throw error
  }
}
