import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import type { SqliteDatabase, SqliteStatement } from 'kysely'

const MOST_STATEMENTS = 500

/**
 * Opens a SQLite file as the database that Kysely's SqliteDialect expects.
 * Every transaction begins immediate: a deferred one that reads and then writes fails at once with
 * SQLITE_BUSY_SNAPSHOT when another process wrote in between.
 */
export function openNodeSqlite(path: string): SqliteDatabase {
  const connection = new DatabaseSync(path, { timeout: 10_000 })
  // With recursive_triggers, what REPLACE deletes meets the delete triggers too.
  connection.exec(
    'pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on; ' +
      'pragma recursive_triggers = on',
  )
  const statements = new Map<string, SqliteStatement>()

  return {
    close: () => connection.close(),
    prepare(sql) {
      const known = statements.get(sql)
      if (known) return known
      const statement = toStatement(
        connection.prepare(sql === 'begin' ? 'begin immediate' : sql),
        // A full or broken disk has ended the transaction already: that is the failure to tell, not this one.
        () => sql === 'rollback' && !connection.isTransaction,
      )
      if (statements.size >= MOST_STATEMENTS) statements.clear()
      statements.set(sql, statement)
      return statement
    },
  }
}

function toStatement(statement: StatementSync, isNeedless: () => boolean): SqliteStatement {
  const spread = (parameters: readonly unknown[]) => parameters as SQLInputValue[]
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => statement.all(...spread(parameters)),
    run: (parameters) =>
      isNeedless() ? { changes: 0, lastInsertRowid: 0 } : statement.run(...spread(parameters)),
    iterate: (parameters) => statement.iterate(...spread(parameters)),
  }
}
