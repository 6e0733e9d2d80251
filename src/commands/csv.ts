/** The fields of one line of CSV: commas, and quotes around a field, doubled inside; undefined when it is none. */
export function readCsvLine(line: string): string[] | undefined {
  // A field in quotes or without any, and then a comma or the end.
  const field = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y
  const fields: string[] = []
  for (;;) {
    const match = field.exec(line)
    if (!match) return undefined
    const [, quoted, plain = '', end] = match
    fields.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'))
    if (end === '') return fields
  }
}
