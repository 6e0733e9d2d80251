import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

/** One of our programs, running as a process of its own. */
export interface Child {
  readonly process: ChildProcess
  /** What it wrote on standard error: the log of a site process. */
  readonly errors: string[]
  /** Resolves to the next line on standard output that holds `words`; rejects when the process ends before. */
  said(words: string): Promise<string>
  tell(line: string): void
  /** How it ended. */
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
}

/** Compiled code is kept between the many starts: it is half of what a start costs. */
const compiled = fileURLToPath(new URL('../node_modules/.cache/latchkey-compiled', import.meta.url))

type Settings = Readonly<Record<string, string>>

/** Starts `node FILE` with exactly these settings; FILE is seen from this folder. */
export function startChild(file: string, settings: Settings): Child {
  const child = spawnNode(file, [], settings)
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal }))
  const errors: string[] = []
  child.stderr.on('data', (chunk) => errors.push(String(chunk)))

  const waiting: { words: string; hear: (line: string) => void }[] = []
  createInterface(child.stdout).on('line', (line) => {
    const at = waiting.findIndex(({ words }) => line.includes(words))
    if (at >= 0) waiting.splice(at, 1)[0]?.hear(line)
  })
  const said = async (words: string) => {
    const heard = new Promise<string>((hear) => waiting.push({ words, hear }))
    const line = await Promise.race([heard, ended])
    if (typeof line === 'string') return line
    throw new Error(`ended (${line.code ?? line.signal}) before it said "${words}":\n${errors.join('')}`)
  }
  const tell = (line: string) => void child.stdin.write(`${line}\n`)
  return { process: child, errors, said, tell, ended }
}

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs `node FILE ARGS…` to its end, with this on its standard input. */
export async function runChild(
  file: string,
  args: readonly string[],
  settings: Settings,
  input = '',
): Promise<Finished> {
  const child = spawnNode(file, args, settings)
  child.stdin.end(input)
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ])
  return { code, stdout, stderr }
}

function spawnNode(file: string, args: readonly string[], settings: Settings) {
  const path = fileURLToPath(new URL(file, import.meta.url))
  return spawn(process.execPath, [path, ...args], { env: { NODE_COMPILE_CACHE: compiled, ...settings } })
}
