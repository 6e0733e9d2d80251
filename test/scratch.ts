import { existsSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'

/**
 * Waiting for a disk is most of what databases do in these tests, and what a killed process has written is kept in
 * memory just as well: only a machine that loses its power would tell them apart.
 */
const MEMORY = '/dev/shm'

/** Where the databases of the tests lie: in memory, where there is room. */
export const scratch = hasRoom(MEMORY) ? MEMORY : tmpdir()

function hasRoom(folder: string): boolean {
  if (!existsSync(folder)) return false
  const { bavail, bsize } = statfsSync(folder)
  return bavail * bsize > 1e9
}
