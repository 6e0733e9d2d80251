import { type Config, ConfigError, describeProblems } from './config/config.ts'
import { findDatabaseFailure } from './database/database-failure.ts'
import { StartError } from './errors.ts'
import { failureOf } from './file-failure.ts'

/**
 * What the terminal shows when a start or a command fails for a reason that the operator can fix: one sentence and one
 * remedy; undefined for a bug. Errors of drivers are described by their code alone: their messages may contain a password.
 */
export function describeFailure(error: unknown, config?: Config): string | undefined {
  if (error instanceof ConfigError) {
    const { length } = error.problems
    const problems = length === 1 ? '1 problem' : `${length} problems`
    return `Latchkey did not start. Nothing was changed. ${problems} to fix:\n\n${describeProblems(error)}`
  }
  if (error instanceof StartError) return error.message
  const coded: Coded = Object(error)
  return describeListening(coded, config) ?? describeDatabase(coded, config) ?? describeFile(coded)
}

/** An error of the system, or of a driver. */
type Coded = {
  readonly [name in 'code' | 'syscall' | 'path' | 'hostname' | 'severity']?: string
} & { readonly port?: number; readonly errcode?: number }

function describeListening(error: Coded, config?: Config): string | undefined {
  const { code, syscall, hostname } = error
  if (code === 'EADDRINUSE') {
    // The demo also takes the port above PORT, for the simulator.
    return `Port ${error.port ?? config?.port} is in use. Stop what uses it, or set PORT to another one.`
  }
  if (hostname !== undefined && hostname === config?.host)
    return `The host name in HOST is not known (${code}). Set HOST to an address of this machine, like 127.0.0.1.`
  if (syscall !== 'listen' && syscall !== 'bind') return undefined
  if (code === 'EACCES')
    return `Port ${error.port ?? config?.port} is not for this user (${code}). Set PORT to one above 1023, behind the proxy.`
  return `The address in HOST cannot be used (${code}). Set HOST to an address of this machine, like 127.0.0.1.`
}

function describeDatabase(error: Coded, config?: Config): string | undefined {
  const { code, errcode, severity } = error
  const failure = findDatabaseFailure(error, config?.databaseUrl)
  const word = errcode === undefined ? code : `SQLite ${errcode}`
  if (failure) return `${failure.says}${word ? ` (${word})` : ''}. ${failure.remedy}`
  if (severity === undefined && errcode === undefined) return undefined
  return `The database in DATABASE_URL refuses what the site needs (${word}). See its log, and its version.`
}

function describeFile(error: Coded): string | undefined {
  const { path, syscall } = error
  if (path === undefined || syscall === undefined) return undefined
  const { code, problem, remedy } = failureOf(error, path)
  return `${path} ${problem} (${code}). ${remedy}`
}
