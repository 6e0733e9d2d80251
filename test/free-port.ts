import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/**
 * A port that nobody listens on; with `above`, none of so many ports above it either. It is below those that a system
 * lends to outgoing connections (from 32768), so that nobody is given it before it is listened on, and
 * above those that browsers refuse (the highest is 10080).
 */
export async function freePort({ above = 0 } = {}): Promise<number> {
  for (;;) {
    const first = randomInt(10_081, 32_000)
    const ports = Array.from({ length: above + 1 }, (_, nth) => isFree(first + nth))
    if ((await Promise.all(ports)).every(Boolean)) return first
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
