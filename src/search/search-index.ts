import { sql } from 'kysely'
import { compiledQuery } from '../database/compiled-query.ts'
import type { Database } from '../database/database.ts'
import type { Row } from '../database/schema.ts'
import type { Part, Query } from './query.ts'

type Term = Row<'searchTerm'>

/** A row that is found by terms. */
export type Subject = Pick<Term, 'kind' | 'subject'>

type TermsBySubject = ReadonlyMap<string, readonly string[]>

/** Rows that one statement writes: each takes three of the values that SQLite has room for. */
const BATCH = 2_000
/** Terms that are read for each beginning: who finds more than that has to say more. */
const MAX_TERMS = 200
/** Comes after every letter, so that all that begins with a term comes before the term and this. */
const LAST = '\u{10ffff}'

/** Writes by what rows are found that were not there before. */
export async function addTerms(kind: Term['kind'], termsOf: TermsBySubject, trx: Database): Promise<void> {
  const rows = [...termsOf].flatMap(([subject, terms]) =>
    [...new Set(terms)].map((term) => ({ term, kind, subject })),
  )
  for (let at = 0; at < rows.length; at += BATCH)
    await trx
      .insertInto('searchTerm')
      .values(rows.slice(at, at + BATCH))
      .execute()
}

/** Writes by what rows are found; what they were found by before finds them no more. */
export async function replaceTerms(
  kind: Term['kind'],
  termsOf: TermsBySubject,
  trx: Database,
): Promise<void> {
  await forgetTerms(kind, [...termsOf.keys()], trx)
  await addTerms(kind, termsOf, trx)
}

/** For rows that are deleted. */
export async function forgetTerms(
  kind: Term['kind'],
  subjects: readonly string[],
  db: Database,
): Promise<void> {
  if (subjects.length === 0) return
  await db.deleteFrom('searchTerm').where('subject', 'in', subjects).where('kind', '=', kind).execute()
}

/** What a query leads to. */
export interface Found {
  /** The closest first, each once. */
  readonly subjects: readonly Subject[]
  /** Beginnings that a hit needs as well, in whichever of its rows. */
  readonly others: readonly Part[]
  /** There may be more. */
  readonly isCut: boolean
}

/** Looks up what is rarest of a query; the rest is left to be compared with the hits. */
export async function findSubjects({ exact, parts, phrase }: Query, db: Database): Promise<Found> {
  const meant = (await Promise.all(exact.map((term) => termsBetween(db, { from: term, to: term })))).flat()
  if (meant.length > 0) return { subjects: closestFirst(meant), others: [], isCut: false }
  const found = await Promise.all(parts.map((part) => lookUp(part, db)))
  const [rarest] = found.toSorted(
    (a, b) => Number(a.isCut) - Number(b.isCut) || a.terms.length - b.terms.length,
  )
  if (!rarest) return { subjects: [], others: [], isCut: false }
  // Where every word is in many names, as they follow each other they are in few.
  const { terms } = rarest.isCut && parts.length > 1 ? await lookUp([phrase], db) : rarest
  return {
    subjects: closestFirst(terms),
    others: parts.filter((part) => terms !== rarest.terms || part !== rarest.part),
    isCut: rarest.isCut,
  }
}

/** Those of the rows that have a term with one of these beginnings. */
export async function keepSubjects(
  part: Part,
  subjects: readonly Subject[],
  db: Database,
): Promise<readonly Subject[]> {
  return (
    db
      .selectFrom('searchTerm')
      .select(['kind', 'subject'])
      .where('subject', 'in', [...new Set(subjects.map(({ subject }) => subject)), ''])
      // Not as a range: half of all rows may be in it, and without statistics PostgreSQL would read them.
      .where((row) =>
        row.or(part.map((prefix) => row(sql`substr(term, 1, ${[...prefix].length})`, '=', prefix))),
      )
      .execute()
  )
}

export function keyOf({ kind, subject }: Subject): string {
  return `${kind}:${subject}`
}

async function lookUp(part: Part, db: Database) {
  const found = await Promise.all(part.map((from) => termsBetween(db, { from, to: from + LAST })))
  return { part, terms: found.flat(), isCut: found.some(({ length }) => length >= MAX_TERMS) }
}

/** What is left of a term behind its beginning is short when it is close. */
function closestFirst(terms: readonly Term[]): Subject[] {
  const subjects = new Map<string, Subject>()
  for (const { kind, subject } of terms.toSorted((a, b) => a.term.length - b.term.length))
    subjects.set(keyOf({ kind, subject }), { kind, subject })
  return [...subjects.values()]
}

const termsBetween = compiledQuery<{ from: string; to: string }, Term>((db, value) =>
  db
    .selectFrom('searchTerm')
    .selectAll()
    .where('term', '>=', value('from'))
    .where('term', '<=', value('to'))
    .orderBy('term')
    .orderBy('kind')
    .orderBy('subject')
    .limit(MAX_TERMS),
)
