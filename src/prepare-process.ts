import { enableCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'

/** What a process of ours sets before anything else is loaded; so this file imports nothing of ours. */
export function prepareProcess(): void {
  // The database, its secrets and the simulator's state are for this user alone.
  process.umask(0o077)
  // From the second start on, nothing is compiled or stripped of its types again. Not in the folder for
  // everybody's temporary files, where somebody else could leave code for us. (npm's scripts name the same folder
  // by NODE_COMPILE_CACHE: then not even this file needs the stripper, which keeps 15 MB for good.)
  enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/latchkey', import.meta.url)))
  // Start-up allocates long-lived objects; a grown young generation would never shrink.
  setFlagsFromString('--semi-space-growth-factor=1')
}

/** From here on the young generation may grow: requests allocate short-lived objects. */
export function endLoading(): void {
  setFlagsFromString('--semi-space-growth-factor=2')
}
