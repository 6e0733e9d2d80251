import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import type { Channel, Client, Mail } from './records.ts'

export interface HubState {
  clients: Client[]
  channels: Channel[]
  /** Newest first. */
  mails: Mail[]
}

/** Reads what `saveState` wrote; a hub without clients when there is no file yet. */
export function loadState(path: string | undefined): HubState {
  const empty = { clients: [], channels: [], mails: [] }
  if (!path || !existsSync(path)) return empty
  try {
    return { ...empty, ...JSON.parse(readFileSync(path, 'utf8')) }
  } catch (error) {
    throw new Error(`The simulator's state file cannot be read: ${path}`, { cause: error })
  }
}

/** Replaces the file in one step, so that a crash leaves the old or the new one. */
export function saveState(path: string, state: HubState): void {
  const draft = `${path}.${process.pid}.tmp`
  writeFileSync(draft, JSON.stringify(state, null, 2), { mode: 0o600 })
  renameSync(draft, path)
}
