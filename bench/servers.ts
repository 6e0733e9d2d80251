import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')

/** As in npm's scripts. */
const compiled = join(root, 'node_modules/.cache/latchkey')

/** A program of the project as a process of its own. */
export interface Server {
  readonly url: string
  readonly process: ChildProcess
  stop(): Promise<void>
}

/** Starts a program and waits until `path` answers 200. */
export async function startServer(
  script: string,
  args: readonly string[],
  { port, env = {}, path }: { port: number; env?: Readonly<Record<string, string>>; path: string },
): Promise<Server> {
  const child = spawn(process.execPath, [join(root, script), ...args], {
    env: { PATH: process.env.PATH, NODE_ENV: 'production', NODE_COMPILE_CACHE: compiled, ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const url = `http://127.0.0.1:${port}`
  while (!(await answers(url + path))) {
    if (child.exitCode !== null) throw new Error(`${script} ended with ${child.exitCode}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const stop = async () => {
    child.kill('SIGTERM')
    if (child.exitCode === null) await once(child, 'exit')
  }
  return { url, process: child, stop }
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    (response) => response.ok,
    () => false,
  )
}

/** Runs one operator command; answers its last line. */
export async function runCommand(
  env: Record<string, string>,
  args: readonly string[],
  input = '',
): Promise<string> {
  const child = spawn(process.execPath, ['src/cli.ts', ...args], {
    cwd: root,
    env: { PATH: process.env.PATH, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  child.stdin.end(input)
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`latchkey ${args[0]} ${args[1]} ended with ${code}`)
  // Audit lines go to standard output too.
  return (
    output
      .trim()
      .split('\n')
      .findLast((line) => !line.startsWith('{')) ?? ''
  )
}

/** Resident memory of a process, in MB. */
export function residentMegabytes({ process: { pid } }: Server): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1000
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  return typeof address === 'object' && address ? address.port : 0
}
