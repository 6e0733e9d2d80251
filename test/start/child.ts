import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

/** A program of the project as its own process, with nothing of this one's environment but PATH. */
export interface Child {
  readonly process: ChildProcess
  readonly output: () => { stdout: string; stderr: string }
  /** Resolves with the exit code. */
  readonly ended: Promise<number | null>
}

export const root = join(import.meta.dirname, '../..')
const compiled = join(root, 'node_modules/.cache/latchkey')

interface ChildOptions {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string | Buffer
}

export function runProgram(
  script: string,
  args: readonly string[],
  { cwd, env = {}, input }: ChildOptions,
): Child {
  const child = spawn(process.execPath, [join(root, script), ...args], {
    cwd,
    // As npm's scripts do.
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: compiled, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const chunks = { stdout: '', stderr: '' }
  child.stdout?.on('data', (chunk) => {
    chunks.stdout += chunk
  })
  child.stderr?.on('data', (chunk) => {
    chunks.stderr += chunk
  })
  child.stdin?.end(input ?? '')
  return {
    process: child,
    output: () => chunks,
    ended: once(child, 'close').then(([code]) => code as number | null),
  }
}
