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
      'what it was when a grant is reported',
      seen(['mint', 'shared'], ['notice', 'grant_reported']),
      'shared',
      'mint',
    ],
    [
      'missing although a grant is reported',
      seen(['mint', 'missing'], ['notice', 'grant_reported']),
      'missing',
      'mint',
    ],
    [
      'missing although the revocation is reported once more',
      seen(['mint', 'missing'], ['notice', 'revocation_reported']),
      'missing',
      'mint',
    ],
    [
      'missing by report and rejected key, whenever a grant was reported',
      seen(['notice', 'revocation_reported'], ['notice', 'grant_reported'], ['probe', 'key_rejected']),
      'missing',
      'probe',
    ],
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

  it.each<[string, Observation[], string, boolean]>([
    ['the list and the mint agree', seen(['mint', 'shared'], ['api', 'shared']), 'shared', false],
    ['the key works and the list says no', seen(['probe', 'key_works'], ['api', 'missing']), 'missing', true],
    [
      'the list says no and the key works on',
      seen(['api', 'missing'], ['probe', 'key_works']),
      'missing',
      true,
    ],
    [
      'the key works after a rumour',
      seen(['notice', 'revocation_reported'], ['probe', 'key_works']),
      'shared',
      true,
    ],
    ['the client granted again', seen(['api', 'missing'], ['return', 'shared']), 'shared', false],
    ['a new key was made', seen(['probe', 'key_rejected'], ['mint', 'shared']), 'shared', false],
    [
      'an admin has said so',
      seen(['api', 'shared'], ['probe', 'key_rejected'], ['admin', 'missing']),
      'missing',
      false,
    ],
    ['the list says otherwise since', seen(['return', 'shared'], ['api', 'missing']), 'missing', true],
    ['nothing was said', [], 'unknown', false],
  ])('when %s', (_, observations, status, isDisputed) => {
    expect(derivePermission(observations)).toMatchObject({ status, isDisputed })
    expect(derivePermission(observations.toReversed())).toMatchObject({ status, isDisputed })
  })

  it('is not disputed by what was said more than a day before', () => {
    const [old, later] = seen(['probe', 'key_works'], ['api', 'missing'])
    if (!old || !later) throw new Error('two were seen')
    const dayLater = { ...later, observedAt: new Date(later.observedAt.getTime() + 25 * 60 * 60_000) }
    expect(derivePermission([old, dayLater])).toMatchObject({ status: 'missing', isDisputed: false })
  })

  it('is what was answered at the moment of a notice, whichever was written down first', () => {
    const [report, answer] = seen(['notice', 'revocation_reported'], ['api', 'shared'])
    if (!report || !answer) throw new Error('two were seen')
    const atOnce = [report, { ...answer, observedAt: report.observedAt }]
    expect(derivePermission(atOnce)).toMatchObject({ status: 'shared', source: 'api' })
    expect(derivePermission(atOnce.toReversed())).toMatchObject({ status: 'shared', source: 'api' })
  })
})
