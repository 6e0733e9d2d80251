import { describe, expect, it } from '@jest/globals'
import { safeReturnTo, signInFor } from '../../src/admin/return-to.ts'

describe('the page that was asked for before sign-in', () => {
  it.each([
    '/admin',
    '/admin/search?q=49',
    '/admin/audit',
    '/admin/audit?before=aud_1',
    '/admin/channels/abc',
  ])('is kept: %s', (asked) => expect(safeReturnTo(asked)).toBe(asked))

  it.each([
    'https://evil.example/admin',
    '//evil.example/admin',
    '/\\evil.example/admin',
    '\\\\evil.example/admin',
    '/admin/../../evil',
    '/admin/..//evil.example',
    '/admin/%2e%2e//evil.example',
    '/administrator',
    '/',
    '/callback',
    'javascript:alert(1)',
    'https:admin',
    '/\t/evil.example',
    '/admin/sign-in',
    '/admin/sign-out',
    '/admin/first/abc',
    'http://[',
    '',
    `/admin/${'x'.repeat(2000)}`,
    undefined,
    ['/admin/audit'],
  ])('is not kept when it leads elsewhere: %j', (asked) => expect(safeReturnTo(asked)).toBe('/admin'))

  it('travels in the address of the sign-in page', () => {
    expect(signInFor('/admin/audit?before=a&b')).toBe('/admin/sign-in?next=%2Fadmin%2Faudit%3Fbefore%3Da%26b')
    expect(signInFor('//evil.example')).toBe('/admin/sign-in')
  })
})
