import { prepareProcess } from './prepare-process.ts'

const cutOff = prepareProcess(process.env)
const { runCommandLine } = await import('./commands/command-line.ts')
process.exitCode = await runCommandLine(process.argv.slice(2), process.env, cutOff)
