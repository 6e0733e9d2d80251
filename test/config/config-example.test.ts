import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { settingRows } from '../../src/config/settings.ts'

const example = readFileSync('.env.example', 'utf8')

describe('.env.example', () => {
  it('names the settings of the code, all of them, in its order', () => {
    const named = [...example.matchAll(/^#([A-Z0-9_]+)=/gm)].map(([, name]) => name)
    expect(named).toEqual([...settingRows.keys()])
  })

  it.each([...settingRows])('explains %s and shows its default', (name, row) => {
    const secret = row.secret ? ' (secret)' : ''
    expect(example).toContain(`\n# ${row.meaning}${secret}\n#${name}=${row.default ?? ''}\n`)
  })

  it('sets nothing by itself, and opens with the demo', () => {
    expect(example.split('\n').filter((line) => line && !line.startsWith('#'))).toEqual([])
    expect(example.slice(0, 300)).toContain('With nothing set it is a demo')
  })
})
