import { randomBytes } from 'node:crypto'
import { textOf, UsageError } from './command.ts'

export const simulateUsage = 'simulate [--port N] [--partner-id ID] [--api-key KEY] [--redirect-url URL]'

export const simulateOptions = {
  port: { type: 'string' },
  'partner-id': { type: 'string' },
  'api-key': { type: 'string' },
  'redirect-url': { type: 'string' },
} as const

/** Runs the simulator alone, and tells with which settings a Latchkey speaks to it. */
export async function simulate(
  options: Readonly<Record<string, unknown>>,
  print: (line: string) => void,
): Promise<{ close(): Promise<void> }> {
  const port = Number(textOf(options, 'port') ?? '3001')
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new UsageError('--port takes a port number.')
  const partnerId = textOf(options, 'partner-id') ?? 'SimulatedPA'
  const partnerApiKey = textOf(options, 'api-key') ?? randomBytes(18).toString('base64url')
  const redirectUrl = textOf(options, 'redirect-url') ?? 'http://localhost:3000/callback'
  const { startSimulator } = await import('../simulator/simulator.ts')
  const simulator = await startSimulator({ port, partnerId, partnerApiKey, redirectUrl })
  print(`360dialog is simulated at ${simulator.url}. A Latchkey speaks to it with:

D360_PARTNER_ID=${partnerId}
D360_PARTNER_API_KEY=${partnerApiKey}
D360_API_URL=${simulator.url}/api/v2
D360_LAUNCH_URL=${simulator.url}/dashboard/app/{partner_id}/permissions
D360_MESSAGING_HOSTS=localhost
`)
  return simulator
}
