import { type Config, ConfigError, describeProblems } from './config/config.ts'
import { StartError } from './errors.ts'

/**
 * What the terminal shows when a start or a command fails for a reason that the operator can fix; undefined
 * for a bug. Errors of drivers are described by their code alone: their messages may contain a password.
 */
export function describeFailure(error: unknown, config?: Config): string | undefined {
  if (error instanceof ConfigError) {
    const { length } = error.problems
    const problems = length === 1 ? '1 problem' : `${length} problems`
    return `Latchkey did not start. Nothing was changed. ${problems} to fix:\n\n${describeProblems(error)}`
  }
  if (error instanceof StartError) return error.message
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined
  if (error instanceof Error && code === 'EADDRINUSE') {
    // The demo also takes the port above PORT, for the simulator.
    const port = 'port' in error ? error.port : config?.port
    return `Port ${port} is in use. Stop what uses it, or set PORT to another one.`
  }
  if (code !== undefined && DATABASE_CODES.test(code)) {
    return `The database in DATABASE_URL cannot be used (${code}). Check that it is running, and its address, name and password.`
  }
  return undefined
}

const DATABASE_CODES =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|28\w{3}|3D000|ERR_SQLITE_ERROR|EACCES|EROFS|ENOSPC)$/
