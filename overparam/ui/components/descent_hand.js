// Start, minimum and depth of the two-coordinate problem in the hand.  See plot.py; the mathematics is in descent.js.  While
// they are moved the browser draws in place of the figure; on release the server hears of them and draws the figure anew.

const POINTS_PER_DECADE = 24 // points of a path, evenly in the logarithm of the iteration
const TYPED = 400 // milliseconds after the last key: released
const AROUND = Array.from({ length: 145 }, (_, i) => (2 * Math.PI * i) / 144)
const STAR = Array.from({ length: 10 }, (_, i) => [Math.sin((Math.PI * i) / 5), -Math.cos((Math.PI * i) / 5)].map((c) => c * (i % 2 ? 4.5 : 11)))
const DIAMOND = [[0, -9], [9, 0], [0, 9], [-9, 0]]
const ARROWS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }

class DescentHand {
  constructor(root, report) {
    this.root = root
    this.report = report // told of what was moved, once it is released
    this.said = 0 // reports, by which the server's answer is known
    this.plainStands = false // whether the way of depth 1 is still the one found last
    this.furnish()
  }

  furnish() {
    this.bar = element("div", "descent-bar", this.root.parentElement)
    this.root.before(this.bar)
    this.words = element("p", "descent-words", this.root.parentElement)
    this.root.after(this.words)
    this.plain = this.entry()
    this.deep = this.entry()
    this.slider = element("input", "", this.deep.item)
    Object.assign(this.slider, { type: "range", min: 2, step: 1 })
    this.slider.setAttribute("aria-label", "Depth N")
    this.deep.swatch.after(this.slider)
    this.slider.addEventListener("input", () => this.move("depth", Number(this.slider.value)))
    this.slider.addEventListener("change", () => this.release())
    this.layer = svg("svg", this.root)
    this.layer.setAttribute("class", "descent-layer")
    this.map = svg("svg", this.layer)
    this.losses = svg("svg", this.layer)
    this.levels = []
    this.ways = [this.line(this.map), this.line(this.map)]
    this.falls = [this.line(this.losses), this.line(this.losses)]
    this.target = this.handle("target", STAR, "Minimum")
    this.start = this.handle("start", DIAMOND, "Start")
  }

  entry() {
    const item = element("span", "descent-entry", this.bar), key = svg("svg", item)
    return { item, swatch: key, key: svg("path", key), text: element("span", "", item) }
  }

  line(parent) {
    return { path: svg("path", parent), head: svg("circle", parent) }
  }

  handle(name, points, label) {
    const made = svg("g", this.layer), said = { class: `descent-handle descent-${name}`, role: "slider", tabindex: 0, "aria-label": label }
    for (const [attribute, value] of Object.entries(said)) made.setAttribute(attribute, value)
    svg("circle", made).setAttribute("r", 18)
    svg("path", made).setAttribute("d", `M${points.map((each) => each.join()).join("L")}Z`)
    made.addEventListener("pointerdown", (event) => this.take(event, name, made))
    made.addEventListener("keydown", (event) => this.key(event, name))
    return made
  }

  // data: the problem (descent.js), start, target, depth, window and digits of the map; looks of the depths; runs, what the
  // server found: the place of the step size and the iterations of depth 1 and of this depth; heard, the reports it knows of.
  show(data) {
    this.data = data
    this.plainStands = false
    this.slider.max = data.deepest
    if (!this.settled()) return
    this.said = data.heard
    this.now = { start: data.start, target: data.target, depth: data.depth }
    this.found = data.runs.map((run, i) => ({ ...this.found?.[i], ...run })) // the ways are drawn until the figure is
    this.slider.value = data.depth
    this.tell()
  }

  // The figure has been drawn as the data say: it is seen again, unless the hand is ahead of it.
  drawn() {
    if (this.settled()) this.root.classList.remove("descending")
    this.place()
  }

  settled() {
    return !this.moving && this.data.heard >= this.said
  }

  axes() {
    const { xaxis, yaxis, xaxis2, yaxis2 } = this.root._fullLayout ?? {}
    return xaxis2 && { xaxis, yaxis, xaxis2, yaxis2 }
  }

  place() {
    const axes = this.axes()
    if (!axes) return
    const { xaxis, yaxis, xaxis2, yaxis2 } = axes, { scale } = readTheme(this.root)
    for (const [view, x, y] of [[this.map, xaxis, yaxis], [this.losses, xaxis2, yaxis2]]) {
      set(view, { x: x._offset, y: y._offset, width: x._length, height: y._length })
    }
    for (const name of ["start", "target"]) {
      const [x, y] = this.now[name]
      const at = [xaxis._offset + xaxis.l2p(x), yaxis._offset + yaxis.l2p(y)]
      this[name].setAttribute("transform", `translate(${at}) scale(${scale})`)
      this[name].setAttribute("aria-valuetext", `${x}, ${y}`)
      this[name].setAttribute("aria-valuenow", x)
    }
    if (this.root.classList.contains("descending")) this.draw(axes)
  }

  take(event, name, handle) {
    const axes = this.axes()
    if (!axes || event.button) return
    event.preventDefault()
    event.stopPropagation() // no click in the plot
    handle.focus({ preventScroll: true })
    handle.setPointerCapture(event.pointerId)
    const over = new AbortController(), { signal } = over
    const { xaxis, yaxis } = axes
    const moved = ({ clientX, clientY }) => {
      const box = this.root.getBoundingClientRect()
      this.move(name, [xaxis.p2l(clientX - box.left - xaxis._offset), yaxis.p2l(clientY - box.top - yaxis._offset)])
    }
    const end = () => {
      over.abort()
      this.release()
    }
    handle.addEventListener("pointermove", moved, { signal })
    for (const ending of ["pointerup", "pointercancel"]) handle.addEventListener(ending, end, { signal })
  }

  key(event, name) {
    const way = ARROWS[event.key]
    if (!way) return
    event.preventDefault()
    event.stopPropagation()
    this.move(name, this.now[name].map((w, i) => w + (way[i] * (this.data.window[i][1] - this.data.window[i][0])) / 60))
    clearTimeout(this.typing)
    this.typing = setTimeout(() => this.release(), TYPED)
  }

  move(name, value) {
    if (!this.moving) {
      halt(this.root)
      this.moving = true
    }
    this.now[name] = name === "depth" ? value : value.map((w, i) => this.within(w, i))
    if (name !== "depth") this.plainStands = false
    this.root.classList.add("descending")
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined
      this.follow()
    })
  }

  within(w, i) {
    const [low, high] = this.data.window[i], unit = 10 ** this.data.digits[i]
    return Math.round(Math.min(high, Math.max(low, w)) * unit) / unit
  }

  follow() {
    const { start, target, depth } = this.now
    const [plain, deep] = this.found, { problem } = this.data
    this.found = [
      this.plainStands ? plain : tunedDescent(start, target, 1, problem, plain.step),
      tunedDescent(start, target, depth, problem, deep.step),
    ]
    this.plainStands = true
    this.tell()
    this.place()
    this.root.dataset.followed = Number(this.root.dataset.followed ?? 0) + 1
  }

  release() {
    if (!this.moving) return
    this.moving = false
    this.said += 1
    this.report({ count: this.said, ...this.now })
  }

  draw({ xaxis, yaxis, xaxis2, yaxis2 }) {
    if (this.found.some(({ way }) => !way)) return // the first move has not been followed yet
    this.contours(xaxis, yaxis)
    const { goal } = this.data.problem, { zero } = this.data
    for (const [i, { way }] of this.found.entries()) {
      const [colour, dash] = this.data.looks[[1, this.now.depth][i]], points = thinned(way)
      const spots = points.map(({ w }) => [xaxis.l2p(w[0]), yaxis.l2p(w[1])])
      const heights = points.map(({ t, loss }) => [xaxis2.l2p(Math.log10(Math.max(t, zero))), yaxis2.l2p(Math.log10(Math.max(loss, goal / 10)))])
      for (const [line, places] of [[this.ways[i], spots], [this.falls[i], heights]]) stroke(line, places, colour, dash)
    }
  }

  // Curves of equal loss around the minimum: one shape, scaled.
  contours(xaxis, yaxis) {
    const { problem: { p }, levels, window } = this.data, { target } = this.now
    while (this.levels.length < levels) {
      const curve = svg("path", this.map)
      curve.setAttribute("class", "descent-level")
      this.map.insertBefore(curve, this.ways[0].path)
      this.levels.push(curve)
    }
    const root = (c) => Math.sign(c) * Math.abs(c) ** (2 / p)
    const shape = `M${AROUND.map((angle) => [root(Math.cos(angle)), root(Math.sin(angle))].map((c) => c.toFixed(4)).join()).join("L")}Z`
    const highest = window.reduce((sum, ends, i) => sum + Math.max(...ends.map((end) => Math.abs(end - target[i]))) ** p, 0)
    const [wide, high] = [xaxis, yaxis].map((axis) => axis.l2p(1) - axis.l2p(0))
    for (const [i, curve] of this.levels.entries()) {
      const radius = (highest * 10 ** (-i / 2)) ** (1 / p)
      curve.setAttribute("d", shape)
      curve.setAttribute("transform", `translate(${xaxis.l2p(target[0])},${yaxis.l2p(target[1])}) scale(${radius * wide},${radius * high})`)
    }
  }

  // The counts, and what they say.
  tell() {
    const { depth } = this.now, counts = this.found.map(({ iterations }) => iterations)
    for (const [i, entry] of [this.plain, this.deep].entries()) {
      const each = [1, depth][i], [colour, dash] = this.data.looks[each]
      entry.key.setAttribute("d", "M1,6H29")
      Object.assign(entry.key.style, { stroke: colour, "stroke-dasharray": dashes(dash).join(" ") || "none" })
      entry.text.textContent = `depth ${each}: ${counted(counts[i])}`
    }
    this.words.replaceChildren(...verdict(depth, ...counts, this.data.problem).map(([tag, text]) => {
      const made = document.createElement(tag)
      made.textContent = text
      return made
    }))
  }

  remove() {
    cancelAnimationFrame(this.frame)
    clearTimeout(this.typing)
    this.bar.remove()
    this.words.remove()
  }
}

function stroke({ path, head }, places, colour, dash) {
  const there = places.map((place) => place.map((c) => Math.min(1e5, Math.max(-1e5, c)).toFixed(1)))
  path.setAttribute("d", `M${there.map((each) => each.join()).join("L")}`)
  Object.assign(path.style, { stroke: colour, "stroke-dasharray": dashes(dash).join(" ") || "none" })
  const [cx, cy] = there.at(-1)
  for (const [name, value] of Object.entries({ cx, cy, r: 5, fill: colour })) head.setAttribute(name, value)
}

// A way of [w_1, w_2, loss], thinned evenly in the logarithm of the iteration.
function thinned(way) {
  const last = way.length - 1, times = []
  for (let k = 0; ; k++) {
    const t = Math.round(10 ** (k / POINTS_PER_DECADE)) - 1
    if (t >= last) break
    if (t !== times.at(-1)) times.push(t)
  }
  return [...times, last].map((t) => ({ t, w: way[t], loss: way[t][2] }))
}

function counted(count) {
  if (count === null) return "not from all six starts"
  return `${count.toLocaleString("en")} iteration${count === 1 ? "" : "s"}`
}

// Who is first, as pieces of a sentence: [tag, text].
function verdict(depth, plain, deep, { goal, horizon }) {
  const there = `a loss of ${goal}`, steps = `${horizon.toLocaleString("en")} iterations`
  const never = `from all six starts, at any step size tried, within ${steps}.`
  const times = (more, less) => Number((more / Math.max(1, less)).toPrecision(2)).toLocaleString("en")
  if (plain === null && deep === null) return [["span", `Neither depth reaches ${there} ${never}`]]
  if (plain === null) return [["b", `Only depth ${depth} reaches ${there}`], ["span", `; depth 1 does not ${never}`]]
  if (deep === null) return [["b", "Depth hurts here"], ["span", `: depth 1 reaches ${there}; depth ${depth} does not ${never}`]]
  if (plain === deep) return [["span", `From here depth ${depth} and depth 1 reach ${there} in equally many iterations.`]]
  if (deep < plain) return [["span", `From here depth ${depth} reaches ${there} in `], ["b", `${times(plain, deep)} times fewer`], ["span", " iterations than depth 1."]]
  return [["b", "Depth is slower here"], ["span", `: depth ${depth} takes `], ["b", `${times(deep, plain)} times as many`], ["span", ` iterations as depth 1 to ${there}.`]]
}
