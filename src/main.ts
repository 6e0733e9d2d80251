import { prepareProcess } from './prepare-process.ts'

prepareProcess()
const { start } = await import('./start.ts')
await start(process.env)
