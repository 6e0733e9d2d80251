import type { Database } from '../database/database.ts'
import { proveWritable } from '../database/installation.ts'
import { isMigrated } from '../database/migrate.ts'
import type { Vault } from '../vault/vault.ts'
import { openChecks, WrongVaultKeyError } from '../vault/vault-check.ts'
import { type Check, ok, wrong } from './check.ts'

/** Whether the database answers, has every migration, and can be written. */
export async function checkDatabase(db: Database): Promise<Check> {
  const name = 'database'
  const migrate = { remedy: 'Run "npm run --silent latchkey -- migrate".' }
  try {
    if (!(await isMigrated(db))) return wrong(name, 'Migrations are missing.', migrate)
    await proveWritable(db)
    return ok(name, 'It answers, is up to date, and can be written.')
  } catch (error) {
    // The driver's own words may repeat the password.
    const { code = 'no code' } = error as { code?: string }
    const remedy = 'Check that it is running, has room, and lets us write.'
    return wrong(name, `It cannot be used (${code}).`, { remedy })
  }
}

/** Whether the vault holds every key that the database is sealed with. */
export async function checkVault(db: Database, hubId: string, vault: Vault): Promise<Check> {
  const name = 'vault'
  try {
    await openChecks(db, hubId, vault)
    return ok(name, 'VAULT_KEYS open what this database is sealed with.')
  } catch (error) {
    if (!(error instanceof WrongVaultKeyError)) throw error
    return wrong(name, error.message, { remedy: 'Look for it where VAULT_KEYS are backed up.' })
  }
}
