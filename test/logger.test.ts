import { describe, expect, it } from '@jest/globals'
import { createLogger, loadPretty } from '../src/logger.ts'

async function show(write: (log: ReturnType<typeof createLogger>) => void): Promise<string> {
  const lines: string[] = []
  write(createLogger('info', { write: (line) => void lines.push(line) }))
  const pretty = await loadPretty()
  return lines.map((line) => pretty?.(line)).join('')
}

describe('the log on a terminal', () => {
  it('says in a short line what was done, by whom, and what was asked for', async () => {
    const text = await show((log) => {
      log.info({ audit: { id: 'aud_1', action: 'link.created', actor: 'cli', tenant_id: 't1' } }, 'audit')
      log.info({ method: 'GET', route: '/status/:id', status: 200, ms: 3.1 }, 'request')
    })
    expect(text.split('\n')).toEqual([
      expect.stringMatching(/^\[\d\d:\d\d:\d\d\] INFO: audit: link\.created by cli$/),
      expect.stringMatching(/^\[\d\d:\d\d:\d\d\] INFO: request: GET \/status\/:id 200 \{"ms":3\.1\}$/),
      '',
    ])
  })

  it('holds nothing that a terminal would obey', async () => {
    const odd = '\u001b[2J\u009b31m\u0007 text'
    const text = await show((log) => log.warn({ err: new Error(odd), subject: odd }, odd))
    expect(text).toContain('text')
    expect(text.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)
  })
})
