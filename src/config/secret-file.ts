/**
 * A secret as it stands in the environment, or the content of the file that `file:PATH` names, without the
 * newline at its end. The problem names neither path nor content.
 */
export function readSecret(
  value: string,
  readFile: (path: string) => string,
): { text: string } | { problem: string } {
  if (!value.startsWith('file:')) return { text: value }
  try {
    const text = readFile(value.slice('file:'.length)).replace(/[\r\n]+$/, '')
    return text.trim() ? { text } : { problem: 'names a file that is empty' }
  } catch (error) {
    return { problem: `names a file that cannot be read (${errorCode(error)})` }
  }
}

/** The system's short word for a failure, like ENOENT: its message would carry the path. */
export function errorCode(error: unknown): string {
  return (error as Partial<NodeJS.ErrnoException> | undefined)?.code ?? 'unknown reason'
}
