// A bead that walks around a closed curve while a bar shows what it has gathered; and a loop drawn with the pointer.  See
// plot.py.  The curve lies in the first pair of axes, the bar in the second.

const LAP = 5000 // milliseconds once around
const NEAR = 22 // pixels from the bead: it is taken along, and no loop is begun
const STEP = 4 // pixels between two points of a stroke
const LONGEST = 400 // points of a stroke
const KEYS = { ArrowRight: 0.02, ArrowUp: 0.02, ArrowLeft: -0.02, ArrowDown: -0.02, Home: -1, End: 1 }

class Bead {
  constructor(root, drawn) {
    this.root = root
    this.drawn = drawn // told of a loop that was drawn
    this.layer = svg("svg", root)
    this.layer.setAttribute("class", "bead-layer")
    root.classList.add("beaded")
    for (const name of ["stroke", "bar"]) {
      this[name] = svg(name === "bar" ? "rect" : "path", this.layer)
      this[name].setAttribute("class", `bead-${name}`)
    }
    this.number = svg("text", this.layer)
    this.ball = svg("circle", this.layer)
    const said = { class: "bead-ball", role: "slider", tabindex: 0, "aria-label": "Bead on the curve", "aria-valuemin": 0, "aria-valuemax": 100 }
    for (const [name, value] of Object.entries(said)) this.ball.setAttribute(name, value)
    this.ball.addEventListener("keydown", (event) => this.key(event))
    root.addEventListener("pointerdown", (event) => this.down(event), true)
    this.share = 0
    this.awaited = true // the next curve is walked from the start
    this.dragged = false // since the pointer last came down: no click
  }

  // way: { x, y, share, work } of places along the curve, lists of one length: where they are, the share of the way there, what is
  // gathered by then; none where there is no curve.
  show(way) {
    this.way = way
    this.layer.toggleAttribute("hidden", !way)
    this.stroke.removeAttribute("d")
    if (way && this.awaited) this.walk()
    this.awaited &&= !way
    this.place()
  }

  walk() {
    cancelAnimationFrame(this.frame)
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return this.to(1)
    const begin = performance.now()
    const go = (now) => {
      if (!this.root.isConnected) return
      this.to(Math.min(1, Math.max(0, (now - begin) / LAP)))
      if (this.share < 1) this.frame = requestAnimationFrame(go)
    }
    this.frame = requestAnimationFrame(go)
  }

  to(share) {
    this.share = share
    this.place()
  }

  // What has been gathered at the bead, and where it is.
  here() {
    const { share, x, y, work } = this.way
    const after = Math.max(1, share.findIndex((each) => each >= this.share))
    const part = Math.min(1, (this.share - share[after - 1]) / (share[after] - share[after - 1]))
    const between = (values) => values[after - 1] + part * (values[after] - values[after - 1])
    return { x: between(x), y: between(y), work: between(work) }
  }

  place() {
    const axes = this.axes()
    if (!this.way || !axes) return
    const { x, y, work } = this.here()
    const { scale } = readTheme(this.root)
    const [left, zero, top] = [axes.x2(this.share), axes.y2(0), axes.y2(work)]
    set(this.ball, { cx: axes.x(x), cy: axes.y(y), r: 9 * scale })
    set(this.bar, { x: left - 7 * scale, y: Math.min(zero, top), width: 14 * scale, height: Math.max(1, Math.abs(zero - top)) })
    const leftOf = this.share > 0.5
    set(this.number, { x: left + (leftOf ? -12 : 12) * scale, y: top + (work < 0 ? 16 : -5) * scale, "text-anchor": leftOf ? "end" : "start" })
    this.number.textContent = signed(work)
    this.ball.setAttribute("aria-valuenow", Math.round(100 * this.share))
    this.ball.setAttribute("aria-valuetext", `${Math.round(100 * this.share)} % of the way, gathered ${signed(work)}`)
  }

  // From the axes' units to pixels of the picture.
  axes() {
    const { xaxis, yaxis, xaxis2, yaxis2 } = this.root._fullLayout ?? {}
    if (!xaxis2) return null
    const scaled = (axis) => (value) => axis._offset + axis.l2p(value)
    return { x: scaled(xaxis), y: scaled(yaxis), x2: scaled(xaxis2), y2: scaled(yaxis2), plane: [xaxis, yaxis] }
  }

  key(event) {
    if (!(event.key in KEYS)) return
    event.preventDefault()
    cancelAnimationFrame(this.frame)
    this.to(Math.min(1, Math.max(0, this.share + KEYS[event.key])))
  }

  down(event) {
    this.dragged = false
    const axes = this.axes()
    if (!axes || event.button) return
    const box = this.root.getBoundingClientRect(), [xaxis, yaxis] = axes.plane
    const at = ({ clientX, clientY }) => [clientX - box.left, clientY - box.top]
    const inside = ([x, y]) => [xaxis, yaxis].every((axis, i) => Math.abs([x, y][i] - axis._offset - axis._length / 2) <= axis._length / 2)
    const start = at(event)
    if (!inside(start)) return
    const here = this.way && this.here()
    const taken = here && Math.hypot(start[0] - axes.x(here.x), start[1] - axes.y(here.y)) < NEAR
    if (taken) this.take(event, at, axes)
    else this.draw(start, at, axes.plane)
  }

  take(event, at, axes) {
    cancelAnimationFrame(this.frame)
    event.preventDefault()
    this.dragged = true
    this.ball.focus({ preventScroll: true })
    this.follow((moved) => this.to(this.nearest(at(moved), axes)), () => {})
  }

  // The share of the way where the curve is nearest to a point, not far from where the bead is: it stays on its branch.
  nearest([left, top], axes) {
    const { share, x, y } = this.way
    let best = this.share, least = Infinity
    for (const [i, each] of share.entries()) {
      const far = Math.hypot(axes.x(x[i]) - left, axes.y(y[i]) - top) + 400 * Math.max(0, Math.abs(each - this.share) - 0.1)
      if (far < least) [best, least] = [each, far]
    }
    return best
  }

  draw(start, at, plane) {
    const points = [start]
    const within = (pixels) => pixels.map((p, i) => Math.min(plane[i]._offset + plane[i]._length, Math.max(plane[i]._offset, p)))
    const moved = (event) => {
      const point = within(at(event)), [x, y] = points.at(-1)
      if (points.length >= LONGEST || Math.hypot(point[0] - x, point[1] - y) < STEP) return
      points.push(point)
      this.stroke.setAttribute("d", `M${points.map((each) => each.map((p) => p.toFixed(1)).join()).join("L")}Z`)
    }
    const done = () => {
      if (points.length < 3) return // a click
      this.dragged = true
      this.awaited = true
      cancelAnimationFrame(this.frame)
      const [xaxis, yaxis] = plane
      this.drawn(points.map(([x, y]) => [xaxis.p2l(x - xaxis._offset), yaxis.p2l(y - yaxis._offset)]))
    }
    this.follow(moved, done)
  }

  follow(moved, done) {
    const over = new AbortController(), { signal } = over
    const end = () => {
      over.abort()
      this.root.classList.remove("dragging")
      done()
    }
    this.root.classList.add("dragging")
    addEventListener("pointermove", moved, { signal })
    for (const event of ["pointerup", "pointercancel"]) addEventListener(event, end, { signal })
  }
}

function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, typeof value === "number" ? value.toFixed(1) : value)
}

// Three digits, and 0 for what is only rounding.
function signed(value) {
  return (Math.abs(value) < 5e-7 ? "0" : Number(value.toPrecision(3)).toString()).replace("-", "−")
}
