import { statSync } from 'node:fs'
import { dirname } from 'node:path'

/** What is wrong with a file, and what to do about it: `problem` follows the name of the file. No path is in it. */
export interface FileFailure {
  readonly code: string
  readonly problem: string
  readonly remedy: string
}

/** The system's short word for a failure, like ENOENT: its message would contain the path. */
export function errorCode(error: unknown): string {
  return (error as Partial<NodeJS.ErrnoException> | undefined)?.code ?? 'unknown reason'
}

const FREE_SPACE = 'Free some space there, or move the data to another disk.'
const ANOTHER_PATH = 'Give the path of a file.'

const failures: Readonly<Record<string, (path: string) => readonly [problem: string, remedy: string]>> = {
  EACCES: notAllowed,
  EPERM: notAllowed,
  EROFS: () => ['is on a disk that can only be read', 'Mount it for writing, or give another path.'],
  ENOSPC: () => ['cannot be written: the disk is full', FREE_SPACE],
  EDQUOT: () => ['cannot be written: the quota of this user is used up', FREE_SPACE],
  EFBIG: () => ['is as large as a file may become here', 'Raise the limit (ulimit -f), or use another disk.'],
  EISDIR: () => ['is a folder, not a file', ANOTHER_PATH],
  EEXIST: () => ['is in the place of a folder', 'Move that file away, or give another path.'],
  ENOTDIR: () => ['has a path that leads through a file', ANOTHER_PATH],
  ENOENT: () => ['is not there', 'Put the file there, or correct the path.'],
  ELOOP: () => ['is a link that leads to itself', 'Put the file in the place of the link.'],
  ENAMETOOLONG: () => ['has a path that is too long', 'Give a shorter one.'],
  ENXIO: () => ['is not a file', ANOTHER_PATH],
  EMFILE: () => ['cannot be opened: this process has too many files open', 'Raise the limit (ulimit -n).'],
  ENFILE: () => ['cannot be opened: this machine has too many files open', 'Raise the limit (fs.file-max).'],
  EBUSY: () => ['is in use', 'End what uses it, then try again.'],
  EIO: () => [
    'cannot be read or written: the disk fails',
    'Check the disk; restore a backup if it is broken.',
  ],
  ESTALE: () => ['is on a network disk that has gone', 'Mount it again.'],
}

/** Why the system refused a file. */
export function failureOf(error: unknown, path: string): FileFailure {
  const code = errorCode(error)
  const describe =
    failures[code] ?? (() => ['cannot be used', 'Check the file, its folder and its disk.'] as const)
  const [problem, remedy] = describe(path)
  return { code, problem, remedy }
}

function notAllowed(path: string): readonly [string, string] {
  const [owner, user] = [ownerOf(path), process.getuid?.()]
  if (owner === user)
    return ['may not be read or written', 'Allow it to the owner: chmod u+rw, and u+rwx for its folder.']
  const whose = owner === undefined ? '' : `: it belongs to user ${owner}, and this is user ${user}`
  return [`may not be read or written${whose}`, `Give it, and its folder, to user ${user}: chown -R ${user}.`]
}

/** Of the file, or of the nearest folder above it that is there. */
function ownerOf(path: string): number | undefined {
  try {
    return statSync(path).uid
  } catch (error) {
    if (errorCode(error) !== 'ENOENT' || dirname(path) === path) return undefined
    return ownerOf(dirname(path))
  }
}
