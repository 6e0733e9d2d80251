import { describe, expect, it } from '@jest/globals'
import { derivePermission, type Observation } from '../../src/channels/permission.ts'

const seen = (...says: [Observation['source'], Observation['says']][]): Observation[] =>
  says.map(([source, word], minute) => ({
    source,
    says: word,
    observedAt: new Date(Date.UTC(2026, 2, 2, 9, minute)),
  }))

describe('the permission', () => {
  it.each<[string, Observation[], string, string | undefined]>([
    ['unknown without any observation', [], 'unknown', undefined],
    ['shared by a verified return', seen(['return', 'shared']), 'shared', 'return'],
    ['shared by a mint that succeeded', seen(['return', 'shared'], ['mint', 'shared']), 'shared', 'mint'],
    [
      'missing by a mint that was refused',
      seen(['return', 'shared'], ['mint', 'missing']),
      'missing',
      'mint',
    ],
    [
      'unknown when a return reports a revocation',
      seen(['mint', 'shared'], ['return', 'revocation_reported']),
      'unknown',
      'return',
    ],
    [
      'missing once the key is rejected as well',
      seen(['mint', 'shared'], ['return', 'revocation_reported'], ['probe', 'key_rejected']),
      'missing',
      'probe',
    ],
    [
      'unknown when only the key is rejected: it may have been replaced',
      seen(['mint', 'shared'], ['probe', 'key_rejected']),
      'unknown',
      'probe',
    ],
    ['shared again after a new grant', seen(['mint', 'missing'], ['return', 'shared']), 'shared', 'return'],
    [
      'not missing by a rejected key, when it was shared again after the report',
      seen(['return', 'revocation_reported'], ['return', 'shared'], ['probe', 'key_rejected']),
      'unknown',
      'probe',
    ],
  ])('is %s', (_, observations, status, source) => {
    expect(derivePermission(observations)).toMatchObject({ status, source })
    expect(derivePermission(observations.toReversed())).toMatchObject({ status, source })
  })
})
