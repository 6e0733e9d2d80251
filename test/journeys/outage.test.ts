import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { engines } from '../databases.ts'
import { grant } from '../journey.ts'
import { startTimedSite, type TimedSite } from '../keys/timed-site.ts'
import { eventually } from '../site.ts'
import { deaths, UpstreamLine } from '../upstream-line.ts'

/** `npm run outage` takes 1,000 and ten minutes. */
const RETURNS = Number(process.env.OUTAGE_RETURNS ?? 20)
const SECONDS = Number(process.env.OUTAGE_SECONDS ?? 40)

describe.each(engines)(`360dialog is dead for ${SECONDS} s, on %s`, (engine) => {
  let site: TimedSite
  let line: UpstreamLine
  beforeEach(async () => {
    line = await UpstreamLine.open()
  })
  afterEach(async () => {
    await site.stop()
    await line.close()
  })

  const start = async (settings: Record<string, string> = {}) => {
    const own = { D360_API_URL: `${line.url}/api/v2`, METRICS_TOKEN: 'a-token-for-the-metrics-0123456789' }
    site = await startTimedSite({ engine, timeoutMs: 1_500, settings: { ...own, ...settings } })
    line.leadTo(site.simulator.url)
  }
  /** What a client brings back, and the cookie of its browser. */
  const leave = async (nth: number) => {
    const { browser, back } = await grant(site, `ch${nth}`)
    const cookie = browser.jar.getCookies({ ...ANYWHERE, domain: 'localhost' }).toValueString()
    return { url: site.url + back, cookie }
  }
  const leaveAll = async (count: number) => {
    const left: Awaited<ReturnType<typeof leave>>[] = []
    for (let nth = 0; nth < count; nth += 1) left.push(await leave(nth))
    return left
  }
  const comeBack = async ({ url, cookie }: Awaited<ReturnType<typeof leave>>) => {
    const { status, headers } = await fetch(url, { headers: { cookie }, redirect: 'manual' })
    return `${status} ${headers.get('location')}`
  }
  /** Attempts, by the site's own metrics: what is refused reaches nobody else who could count. */
  const countCalls = async () => {
    const counts = (await site.context.metrics.read()).matchAll(
      /^latchkey_upstream_call_seconds_count.* (\d+)$/gm,
    )
    return [...counts].reduce((sum, [, count]) => sum + Number(count), 0)
  }
  const keys = async () => (await site.context.channels.list({ keyStatus: 'stored' })).map(({ id }) => id)

  it.each(deaths)(
    `(%s) while ${RETURNS} returns arrive: all are taken, all end well, and there is no storm`,
    async (death) => {
      await start()
      const left = await leaveAll(RETURNS)
      await line.cut(death)
      const answers: string[] = []
      const calls = [await countCalls()]
      for (let second = 1; second <= SECONDS; second += 1) {
        site.clock.advance(1_000)
        while (answers.length < Math.min(RETURNS, (second / SECONDS) * 3 * RETURNS))
          answers.push(await comeBack(left[answers.length] as (typeof left)[number]))
        await fetch(`${site.url}/healthz`)
        if (second % 10 === 0) calls.push(await countCalls())
      }
      const inTenSeconds = calls.slice(1).map((count, nth) => count - (calls[nth] ?? 0))
      expect(Math.max(...inTenSeconds)).toBeLessThanOrEqual(20)
      // What hangs is counted when it ends.
      await eventually(async () => (await countCalls()) > (calls[0] ?? 0))
      expect(answers.filter((answer) => !/^303 \/status\/[\w-]{43}$/.test(answer))).toEqual([])
      expect(line.passed).toEqual([])

      await line.mend()
      // A try that is under way fails with the line, and is made again within a minute.
      for (let seconds = 0; seconds < 60; seconds += 10) await site.pass(10_000)
      expect((await keys()).length).toBe(RETURNS)
      expect(site.hub.minted.toSorted()).toEqual(left.map((_, nth) => `ch${nth}`).toSorted())
      const said = (words: string) => site.log.filter((line) => line.includes(words)).length
      // Once; a line that hangs may be mended before the question has ended that makes sure.
      expect(said('360dialog does not answer')).toBe(death === 'hangs' ? said('360dialog answers again') : 1)
      expect(said('360dialog answers again')).toBeLessThanOrEqual(1)
    },
  )
})

const ANYWHERE = { path: '/', secure: false, script: false }
