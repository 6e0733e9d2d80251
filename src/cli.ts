import { prepareProcess } from './prepare-process.ts'

prepareProcess()
const { runCommandLine } = await import('./commands/command-line.ts')
const { readEnvFile } = await import('./config/env-file.ts')
process.exitCode = await runCommandLine(process.argv.slice(2), process.env, () => readEnvFile(process.env))
