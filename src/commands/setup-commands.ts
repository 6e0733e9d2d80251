import { newVaultKey } from '../config/vault-keys.ts'
import { type AddCommands, print } from './command.ts'

export const addSetupCommands: AddCommands = (program, withSite) => {
  program
    .command('migrate')
    .description('bring the database up to date')
    // Opening the database does it.
    .action(() => withSite(async () => void print('The database is up to date.')))

  program
    .command('vault')
    .description('keys of the vault')
    .command('new-key')
    .description('print a new vault key, for VAULT_KEYS')
    .action(() => void print(newVaultKey()))
}
