import { type Config, ConfigError, loadConfig, type Sources } from '../../src/config/config.ts'
import type { DemoSecrets } from '../../src/config/demo-secrets.ts'
import { newVaultKey } from '../../src/config/vault-keys.ts'

/** The fewest settings with which it goes live. */
export const live: NodeJS.ProcessEnv = {
  D360_PARTNER_ID: 'tEstDePA',
  D360_PARTNER_API_KEY: 'partner-api-key',
  D360_PLATFORM_SECRET: 'platform-secret',
  VAULT_KEYS: newVaultKey(),
  SESSION_SECRET: 'Zk3vQ8mXr1TnB6wYc0LpHs9JdF5aGu2e',
  BRAND_NAME: 'Nordlicht',
  SUPPORT_EMAIL: 'help@nordlicht.example',
}

export const demoSecrets: DemoSecrets = {
  vaultKeys: newVaultKey(),
  sessionSecret: 'd'.repeat(43),
  partnerApiKey: 'demo-partner-api-key',
}

export function loadDemo(environment: NodeJS.ProcessEnv = {}): Config {
  return loadConfig(environment, { demoSecrets: () => demoSecrets })
}

/** The error that these settings cause; it must come before the demo's secrets are read. */
export function errorOf(environment: NodeJS.ProcessEnv, sources: Sources = {}): ConfigError {
  const readTooEarly = () => {
    throw new Error('read the demo secrets')
  }
  try {
    loadConfig(environment, { fileExists: () => false, ...sources, demoSecrets: readTooEarly })
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
  throw new Error('accepted')
}

export function settingsWithProblems(environment: NodeJS.ProcessEnv): string[] {
  return errorOf(environment).problems.map(({ setting }) => setting)
}
