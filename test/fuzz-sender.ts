import { connect, type Socket } from 'node:net'
import type { FuzzedRequest } from './fuzz-requests.ts'

/** How often each status was answered; 0 for a connection that was closed without an answer. */
export type Tally = Map<number, number>

/** Sends requests one after the other without waiting for answers, and resolves when all have been answered. */
export class Pipeline {
  readonly #port: number
  readonly #tally: Tally
  readonly #onAnswer: () => void
  #socket: Socket | undefined
  #received: Buffer = Buffer.alloc(0)
  #waiting: FuzzedRequest[] = []
  #done: { resolve: () => void; reject: (error: Error) => void } | undefined

  constructor(port: number, tally: Tally, onAnswer: () => void) {
    this.#port = port
    this.#tally = tally
    this.#onAnswer = onAnswer
  }

  /** @throws when the connection ends before every request was answered, and the site did not say that it would */
  send(requests: readonly FuzzedRequest[]): Promise<void> {
    this.#waiting = [...requests]
    return new Promise((resolve, reject) => {
      this.#done = { resolve, reject }
      this.#write(requests)
    })
  }

  end(): void {
    const socket = this.#socket
    this.#socket = undefined
    socket?.destroy()
  }

  #write(requests: readonly FuzzedRequest[]): void {
    const text = requests.map((request) => request.text).join('')
    this.#connection().write(Buffer.from(text, 'latin1'))
  }

  #connection(): Socket {
    if (this.#socket) return this.#socket
    const socket = connect(this.#port, '127.0.0.1')
    this.#socket = socket
    this.#received = Buffer.alloc(0)
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => this.#read(socket, chunk))
    socket.on('close', () => this.#onClose(socket))
    return socket
  }

  #onClose(socket: Socket): void {
    if (this.#socket !== socket) return
    this.#socket = undefined
    const [next] = this.#waiting
    if (next) this.#fail(`was never answered: ${JSON.stringify(next.text)}`)
  }

  #fail(problem: string): void {
    this.end()
    this.#done?.reject(new Error(problem))
  }

  #read(socket: Socket, chunk: Buffer): void {
    if (this.#socket !== socket) return
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk])
    for (;;) {
      const [asked] = this.#waiting
      const answer = readAnswer(this.#received, asked?.isHead ?? false)
      if (!answer) return
      this.#received = this.#received.subarray(answer.length)
      if (answer.status === 100) continue
      this.#onAnswer()
      this.#tally.set(answer.status, (this.#tally.get(answer.status) ?? 0) + 1)
      if (answer.status >= 500) return this.#fail(`${answer.status} for ${JSON.stringify(asked?.text)}`)
      this.#waiting.shift()
      if (answer.closes) return this.#beginAgain(socket)
      if (this.#waiting.length === 0) return this.#done?.resolve()
    }
  }

  /** The site ends the connection after this answer: what comes after it is sent again on another. */
  #beginAgain(socket: Socket): void {
    this.#socket = undefined
    socket.destroy()
    if (this.#waiting.length === 0) return this.#done?.resolve()
    this.#write(this.#waiting)
  }
}

/** Sends these bytes alone and answers the status that came back; 0 when the connection was closed instead. */
export function sendBytes(port: number, text: string): Promise<number> {
  return new Promise((resolve) => {
    let head = ''
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      head += chunk.toString('latin1')
      // The first answer tells; what was meant to be one request may be several by now.
      if (head.includes('\r\n\r\n')) socket.destroy()
    })
    socket.on('close', () => resolve(Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0)))
    // Half closed: an unfinished request ends here, and is not waited for.
    socket.end(Buffer.from(text, 'latin1'))
  })
}

interface WireAnswer {
  readonly status: number
  /** Bytes, with its head. */
  readonly length: number
  readonly closes: boolean
}

/** The first whole answer in the bytes, if there is one. */
function readAnswer(bytes: Buffer, isHead: boolean): WireAnswer | undefined {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const head = bytes.toString('latin1', 0, end).toLowerCase()
  const status = Number(head.slice(9, 12))
  const closes = head.includes('\r\nconnection: close')
  const start = end + 4
  if (isHead || status === 204 || status === 304 || status < 200) return { status, length: start, closes }
  const contentLength = /\r\ncontent-length: (\d+)/.exec(head)?.[1]
  if (contentLength !== undefined) {
    const length = start + Number(contentLength)
    return length <= bytes.length ? { status, length, closes } : undefined
  }
  if (!head.includes('\r\ntransfer-encoding: chunked')) return { status, length: start, closes: true }
  const last = bytes.indexOf('0\r\n\r\n', start)
  return last < 0 ? undefined : { status, length: last + 5, closes }
}
