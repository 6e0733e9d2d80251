import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

const address = z.object({ port: z.int(), publicUrl: z.url().transform((url) => new URL(url)) })

/** Where a demo listens, and how browsers reach it. */
export type DemoAddress = z.output<typeof address>

const pathIn = (folder: string) => join(folder, 'address.json')

/** Leaves word where this demo is, for commands beside it: PORT may stand in its own environment alone. */
export function noteDemoAddress(folder: string, { port, publicUrl }: DemoAddress): void {
  writeFileSync(pathIn(folder), JSON.stringify({ port, publicUrl }))
}

/** Where the demo with its data in this folder was started last; undefined when none was. */
export function findDemoAddress(folder: string): DemoAddress | undefined {
  try {
    return address.parse(JSON.parse(readFileSync(pathIn(folder), 'utf8')))
  } catch {
    return undefined
  }
}
