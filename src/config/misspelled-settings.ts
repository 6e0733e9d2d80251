import { settingRows } from './settings.ts'

const laterNames = ['D360_WEBHOOK_SIGNATURE']
const knownNames: string[] = [...settingRows.keys(), ...laterNames].filter((name) => name.startsWith('D360_'))

/** Finds D360_ names that nobody knows and that are at most two letters away from a known one. */
export function findMisspelled(environment: NodeJS.ProcessEnv) {
  return Object.keys(environment)
    .filter((name) => name.startsWith('D360_') && environment[name]?.trim() && !knownNames.includes(name))
    .flatMap((name) => {
      const meant = knownNames.find((known) => distance(name, known) <= 2)
      return meant ? [{ setting: name, problem: 'is not a setting', remedy: `Did you mean ${meant}?` }] : []
    })
}

/** Levenshtein: how many letters to add, drop or change. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (const letter of from) {
    const next = [(row[0] ?? 0) + 1]
    for (let column = 1; column <= to.length; column++) {
      const changed = (row[column - 1] ?? 0) + (letter === to[column - 1] ? 0 : 1)
      next.push(Math.min(changed, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}
