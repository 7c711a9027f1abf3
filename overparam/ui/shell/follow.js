// The whole of a follower, below stream.js: one connection, one canvas.
const log = (iteration) => Math.log10(Math.max(iteration, ZERO_AT))
const logs = SAMPLED.map(log)
const LOWEST = -8.3, HIGHEST = 0.5 // of the gap, as exponents of ten

const [title, words, canvas, names, link] = ["title", "words", "curves", "names", "link"].map((id) => document.getElementById(id))
let room = null // what is shown: run, title, limit, curves, position, playing, error, link
let record = new Recording()
let place = 0 // the iteration that is drawn
let last = 0, drawing = 0

function describe(said) {
  if (said.run !== room?.run) [record, place] = [new Recording(), 0]
  if (said.position < place) place = said.position // shown again from the start
  room = said
  title.textContent = said.title
  link.href = said.link
  names.replaceChildren(...said.curves.map(label))
}

function label({ name, colour, dash }) {
  const item = document.createElement("li")
  const swatch = item.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "svg"))
  const line = swatch.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "line"))
  const style = { x1: 0, x2: "100%", y1: "50%", y2: "50%", stroke: colour, "stroke-width": 2.5, "stroke-dasharray": dash }
  for (const [attribute, value] of Object.entries(style)) line.setAttribute(attribute, value)
  item.append(name)
  return item
}

function draw() {
  drawing ||= requestAnimationFrame(step)
}

// The place glides after what is known and shown, no faster than the lecturer's own.
function step(now) {
  drawing = 0
  const passed = Math.min(0.1, Math.max(0, (now - last) / 1000))
  last = now
  const goal = record.values && room ? Math.min(record.iteration, room.playing ? room.limit : room.position) : 0
  const before = place
  place = glided(place, goal, passed)
  paint()
  if (place !== before || place < goal) draw()
}

function paint() {
  const ratio = devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight
  const [w, h] = [width, height].map((side) => Math.round(side * ratio))
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h })
  const g = canvas.getContext("2d"), css = getComputedStyle(document.body)
  g.setTransform(ratio, 0, 0, ratio, 0, 0)
  g.clearRect(0, 0, width, height)
  if (!room) return
  const left = 46, right = width - 14, top = 6, bottom = height - 24, from = log(0), to = log(room.limit)
  const x = (value) => left + ((value - from) / (to - from)) * (right - left)
  const y = (value) => top + ((HIGHEST - value) / (HIGHEST - LOWEST)) * (bottom - top)
  g.font = `13px ${css.fontFamily}`
  g.fillStyle = css.getPropertyValue("--faint")
  g.strokeStyle = "rgba(127,135,148,0.3)"
  g.beginPath()
  g.textAlign = "center"
  for (let power = 0; power <= to; power++) mark(x(power), top, x(power), bottom, `10${raised(power)}`, x(power), height - 6)
  g.textAlign = "right"
  for (let power = 0; power >= LOWEST; power -= 2) mark(left, y(power), right, y(power), `10${raised(power)}`, left - 5, y(power) + 4)
  g.stroke()
  if (record.values) curves(g, x, y, { left, right, top, bottom })
  const said = `iteration ${Math.round(place).toLocaleString()} of ${room.limit.toLocaleString()} · gap g = (L − L*) / (L₀ − L*)`
  words.textContent = room.error || (record.values ? said : "Waiting for the first curves …")
  document.body.dataset.painted = (Number(document.body.dataset.painted) || 0) + 1

  function mark(x0, y0, x1, y1, text, tx, ty) {
    g.moveTo(x0, y0)
    g.lineTo(x1, y1)
    g.fillText(text, tx, ty)
  }
}

function curves(g, x, y, { left, right, top, bottom }) {
  g.save()
  g.beginPath()
  g.rect(left, top, right - left, bottom - top)
  g.clip()
  g.lineWidth = 2.25
  g.lineJoin = "round"
  let known = record.samples
  while (known > 0 && SAMPLED[known - 1] > place) known--
  for (const [i, values] of record.values.entries()) {
    g.strokeStyle = room.curves[i].colour
    g.setLineDash(room.curves[i].dash.split(",").map(parseFloat).filter(Number.isFinite))
    g.beginPath()
    let down = false, height = 0
    for (let j = 0; j < known; j++) {
      const seen = values[j] > 0 && Number.isFinite(values[j])
      if (seen) height = y(Math.log10(values[j]))
      if (seen) g[down ? "lineTo" : "moveTo"](x(logs[j]), height)
      else if (down && Number.isNaN(values[j])) g.lineTo(x(logs[j]), Math.min(height, top - 9)) // it has diverged: out of the picture
      down = seen
    }
    const onward = known < record.samples // the last piece ends between two samples, or at the latest iteration
    const next = onward ? values[known] : record.tips[i], at = onward ? logs[known] : log(record.iteration)
    if (down && next > 0 && at > logs[known - 1]) {
      const share = Math.min(1, (log(place) - logs[known - 1]) / (at - logs[known - 1])), [a, b] = [values[known - 1], next].map(Math.log10)
      g.lineTo(x(logs[known - 1] + share * (at - logs[known - 1])), y(a + share * (b - a)))
    }
    g.stroke()
  }
  g.restore()
}

const raised = (power) => String(power).replace(/./g, (sign) => "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"["0123456789-".indexOf(sign)])

new ResizeObserver(draw).observe(canvas)
const address = new URL(`${location.pathname.split("/").pop()}/stream`, location)
address.protocol = address.protocol.replace("http", "ws")
connection(address, {
  said(data) {
    if (typeof data === "string") describe(JSON.parse(data))
    else record.receive(data)
    draw()
  },
  over() {
    words.textContent = "Nobody shows anything under this code any more: ask for a new one."
  },
})
