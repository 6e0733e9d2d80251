import { randomBytes } from 'node:crypto'
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { errorCode, failureOf } from '../file-failure.ts'
import { newVaultKey, vaultKeys } from './vault-keys.ts'

/** The secrets that a demo creates for itself. `vaultKeys` is a JWK Set as JSON. */
export interface DemoSecrets {
  vaultKeys: string
  sessionSecret: string
  partnerApiKey: string
}

export const DEMO_SECRETS = 'secrets.json'

/** The demo's secrets can be neither read nor created. Says why without a secret. */
export class DemoSecretsError extends Error {
  override readonly name = 'DemoSecretsError'
  readonly remedy: string

  constructor(problem: string, remedy: string) {
    super(problem)
    this.remedy = remedy
  }
}

const demoSecrets = z.object({
  vaultKeys: z.string().refine((text) => vaultKeys.safeParse(text).success),
  sessionSecret: z.string().min(32),
  partnerApiKey: z.string().min(1),
})

/**
 * Reads `secrets.json` in the folder, and creates both (0600 in 0700) when they are missing.
 * Safe when two processes start at once: one wins and both read its secrets. Never overwrites.
 *
 * @throws DemoSecretsError
 */
export function readDemoSecrets(folder: string): DemoSecrets {
  const path = join(folder, DEMO_SECRETS)
  try {
    if (!existsSync(path)) create(folder, path)
    return parse(readFileSync(path, 'utf8'))
  } catch (error) {
    if (error instanceof DemoSecretsError) throw error
    const { code, problem, remedy } = failureOf(error, path)
    throw new DemoSecretsError(`cannot be read or created (${code}): it ${problem}`, remedy)
  }
}

// Written to a draft and linked into place: no process reads half a file, and a link never replaces one.
function create(folder: string, path: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  try {
    writeFileSync(draft, JSON.stringify(newSecrets(), null, 2), { flag: 'wx', mode: 0o600, flush: true })
    linkSync(draft, path)
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
  } finally {
    rmSync(draft, { force: true })
  }
}

function newSecrets(): DemoSecrets {
  const random = () => randomBytes(32).toString('base64url')
  return { vaultKeys: newVaultKey(), sessionSecret: random(), partnerApiKey: random() }
}

function parse(text: string): DemoSecrets {
  try {
    return demoSecrets.parse(JSON.parse(text))
  } catch {
    throw new DemoSecretsError(
      'is damaged',
      'The database beside it cannot be opened without it. To start over: stop, delete the data folder, start.',
    )
  }
}
