// Curves that come through a stream of ours, for the follow page and for the chart of the app.  What is sent: see
// overparam/serving/workers/stream.py.

const PER_DECADE = 120, LAST = 1e6, ZERO_AT = 0.7 // of the samples, as overparam/measure/history.py has them; where 0 stands
const SAMPLED = [0] // the iteration of each sample
for (let i = 0; SAMPLED.at(-1) < LAST; i++) {
  const at = Math.round(10 ** (i / PER_DECADE))
  if (at > SAMPLED.at(-1)) SAMPLED.push(at)
}
const HEAD = 16 // bytes

// What is known of a run.
class Recording {
  iteration = -1
  samples = 0
  finished = false
  comparing = false // step sizes

  receive(buffer) {
    const view = new DataView(buffer), curves = view.getUint8(0), flags = view.getUint8(1), start = view.getUint32(12, true)
    this.finished = (flags & 1) > 0
    this.comparing = (flags & 2) > 0
    const run = view.getUint16(2, true)
    if (run !== this.run) this.values = undefined // what was on its way when another run was asked for
    this.run = run
    this.samples = view.getUint32(4, true)
    this.iteration = view.getUint32(8, true)
    let at = HEAD + 4 * curves
    this.tips = new Float32Array(buffer.slice(HEAD, at))
    this.values ??= Array.from({ length: curves }, () => new Float32Array(SAMPLED.length))
    for (const values of this.values) {
      const stop = at + 4 * (this.samples - start)
      values.set(new Float32Array(buffer.slice(at, stop)), start)
      at = stop
    }
  }
}

// A place that comes up with `goal`, evenly, and no faster than half as far again in a tenth of a second.
function glided(place, goal, passed) {
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches
  if (calm || goal - place < 0.5) return goal
  const fastest = Math.max(place + 20 * passed, place * Math.exp(4.05 * passed))
  return Math.min(fastest, place + (goal - place) * (1 - Math.exp(-passed / 0.07)))
}

// A connection that comes back by itself.  opened(); said(text or bytes); over(code): it will not come back.
function connection(address, { opened, said, over }) {
  let socket, waiting, tries = 0, ended = false
  const open = () => {
    socket = new WebSocket(address)
    socket.binaryType = "arraybuffer"
    socket.onopen = opened
    socket.onmessage = ({ data }) => {
      tries = 0
      said(data)
    }
    const closed = ({ code }) => {
      if (ended) return
      if (code >= 4000) return over(code)
      waiting = setTimeout(open, Math.min(10000, 300 * 2 ** tries++) * (0.5 + Math.random()))
    }
    socket.addEventListener("close", closed, { once: true }) // after a sleep it comes twice: see awake.js
  }
  open()
  return {
    send: (what) => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify(what)),
    close() {
      ended = true
      clearTimeout(waiting)
      socket.close()
    },
  }
}
