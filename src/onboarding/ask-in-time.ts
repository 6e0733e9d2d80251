import type { Clock } from '../clock.ts'
import { PartnerApiError } from '../errors.ts'

const PATIENCE_MS = 20_000

/**
 * What 360dialog answers while a person waits for it: they try again rather than look at an empty page for minutes.
 *
 * @throws PartnerApiError when it takes too long
 */
export async function askInTime<T>(asked: Promise<T>, clock: Clock): Promise<T> {
  const waiting = new AbortController()
  const tooLate = clock.sleep(PATIENCE_MS, waiting.signal).then(() => {
    throw new PartnerApiError('unknown')
  })
  try {
    return await Promise.race([asked, tooLate])
  } finally {
    waiting.abort()
  }
}
