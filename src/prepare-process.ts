import { existsSync, readFileSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'

/**
 * What a process of ours sets before anything else is loaded; so this file imports nothing of ours. Answers the
 * settings of the `.env` file that were read up to a `#` only.
 */
export function prepareProcess(environment: NodeJS.ProcessEnv): ReadonlySet<string> {
  // The database, its secrets and the simulator's state are for this user alone.
  process.umask(0o077)
  const cutOff = readEnvFile(environment)
  // From the second start on, nothing is compiled or stripped of its types again. Not in the folder for
  // everybody's temporary files, where somebody else could leave code for us. (npm's scripts name the same folder
  // by NODE_COMPILE_CACHE: then not even this file needs the stripper, which keeps 15 MB for good.)
  enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/latchkey', import.meta.url)))
  // Start-up allocates long-lived objects; a grown young generation would never shrink.
  setFlagsFromString('--semi-space-growth-factor=1')
  return cutOff
}

/** Node takes a `#` outside quotes for a comment even in the middle of a word; in `a #` it was meant so. */
const CUT_OFF = /^\s*(?:export\s+)?(\w+)[ \t]*=(?:[ \t]*[^\s"'`#](?:[^\r\n#]*[^\s#])?)?#/gm

function readEnvFile(environment: NodeJS.ProcessEnv): ReadonlySet<string> {
  if (!existsSync('.env')) return new Set()
  const names = [...readFileSync('.env', 'utf8').matchAll(CUT_OFF)].map(([, name = '']) => name)
  // What the environment says itself is not read from the file.
  const cutOff = new Set(names.filter((name) => environment[name] === undefined))
  process.loadEnvFile('.env')
  return cutOff
}

/** From here on the young generation may grow: requests allocate short-lived objects. */
export function endLoading(): void {
  setFlagsFromString('--semi-space-growth-factor=2')
}
