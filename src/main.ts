import { prepareProcess } from './prepare-process.ts'

const cutOff = prepareProcess(process.env)
const { start } = await import('./start.ts')
await start(process.env, cutOff)
