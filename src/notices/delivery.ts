import { createHash } from 'node:crypto'
import { InvalidInputError } from '../errors.ts'
import {
  type Envelope,
  EnvelopeReader,
  FIELD_DEPTH,
  NotEnvelopesError,
  TooManyEnvelopesError,
} from './envelope-reader.ts'
import { JsonScanner, NotJsonError } from './json-scanner.ts'
import { aboutOf } from './notice-events.ts'
import type { Signature, SignatureCheck } from './notice-signature.ts'

/** One event that arrived. */
export interface ArrivedEvent extends Omit<Envelope, 'isOfPeople' | 'start' | 'end'> {
  /** As it came: of an account event that fits, and of nothing else. */
  readonly body: string | undefined
}

/** One request of 360dialog, read to its end. */
export interface Delivery {
  readonly size: number
  /** SHA-256 of what came, as hex. */
  readonly digest: string
  readonly signature: Signature
  /** Undefined when it was no envelope and no list of envelopes. */
  readonly events: readonly ArrivedEvent[] | undefined
}

const MOST_BYTES = 64 * 1024 * 1024
/** An account event has about 2 kB; what is larger is kept by name, ids, size and hash. */
const MOST_KEPT = 64 * 1024

/**
 * Reads a delivery to its end and never holds more than 64 kB of it: it may be the chats of a business.
 *
 * @throws InvalidInputError 413 when it is more than 64 MB or 1,000 events
 */
export async function readDelivery(
  chunks: AsyncIterable<Uint8Array>,
  check: SignatureCheck | undefined,
): Promise<Delivery> {
  const hash = createHash('sha256')
  const reading = new Reading()
  let size = 0
  for await (const chunk of chunks) {
    size += chunk.length
    if (size > MOST_BYTES) throw new InvalidInputError('This is larger than 64 MB.', 413)
    hash.update(chunk)
    check?.update(chunk)
    reading.write(chunk)
  }
  const signature = check?.end() ?? 'unchecked'
  return { size, digest: hash.digest('hex'), signature, events: reading.end() }
}

/** What is understood of a delivery while it arrives. */
class Reading {
  readonly #reader = new EnvelopeReader()
  readonly #scanner = new JsonScanner(this.#reader)
  /** All that came; undefined once it is too large to be held. */
  #held: Uint8Array[] | undefined = []
  #heldBytes = 0
  #isReadable = true

  write(chunk: Uint8Array): void {
    this.#heldBytes += chunk.length
    if (this.#heldBytes > MOST_KEPT) this.#letGo()
    this.#held?.push(chunk)
    this.#try(() => this.#scanner.write(chunk))
  }

  end(): ArrivedEvent[] | undefined {
    this.#try(() => this.#scanner.end())
    const { envelopes } = this.#reader
    if (!this.#isReadable || envelopes.length === 0) return undefined
    const held = this.#held && Buffer.concat(this.#held)
    return envelopes.map(({ isOfPeople, start, end, ...event }) => {
      const mayBeKept = aboutOf(event.event) !== undefined && !isOfPeople
      return { ...event, body: mayBeKept ? held?.toString('utf8', start, end) : undefined }
    })
  }

  /** What cannot be read is still counted to its end: only then the signature says whose it is. */
  #try(read: () => void): void {
    if (!this.#isReadable) return
    try {
      read()
    } catch (error) {
      if (error instanceof TooManyEnvelopesError) throw new InvalidInputError('This is too many events.', 413)
      if (!(error instanceof NotJsonError) && !(error instanceof NotEnvelopesError)) throw error
      this.#isReadable = false
      this.#letGo()
    }
  }

  /** What is not kept need not be searched for what may not be kept. */
  #letGo(): void {
    this.#held = undefined
    this.#scanner.textDepth = FIELD_DEPTH
  }
}
