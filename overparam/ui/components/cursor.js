// A line through all panels of a figure at one iteration, under the hand: the value of every curve beside it, the ellipses and
// the sentence of that moment.  See plot.py.  Moving over the picture shows a moment, a press or an arrow key chooses it.

const TELL = 300 // milliseconds without a choice: the page is told
const STRIDES = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10, Home: -Infinity, End: Infinity }

class Cursor {
  constructor(root, told) {
    this.root = root
    this.told = told // of an iteration that was chosen
    this.words = element("p", "cursor-words", root.parentElement)
    root.before(this.words)
    this.layer = svg("svg", root)
    this.layer.setAttribute("class", "cursor-layer")
    root.classList.add("cursored")
    this.line = svg("line", this.layer)
    const said = { class: "cursor-line", role: "slider", tabindex: 0, "aria-label": "Cursor", "aria-valuemin": 0 }
    for (const [name, value] of Object.entries(said)) this.line.setAttribute(name, value)
    this.line.addEventListener("keydown", (event) => this.key(event))
    this.beside = svg("g", this.layer)
    this.plane = svg("svg", this.layer) // clips the ellipses
    root.addEventListener("pointerdown", (event) => this.down(event), true)
    root.addEventListener("pointermove", (event) => event.pointerType === "touch" || this.pressed || this.look(event))
    root.addEventListener("pointerleave", () => this.pressed || this.to(this.chosen))
  }

  // record: { at, times, marks, plane, ellipses, words } as plot.py sends them.
  show(record) {
    this.record = record
    if (this.asked === record.at) this.asked = undefined // the page has heard of it
    const far = (place) => Math.abs(record.times[place] - (this.asked ?? record.at))
    this.choose(record.times.reduce((best, _, place) => (far(place) < far(best) ? place : best), 0))
  }

  choose(place) {
    this.chosen = place
    this.to(place)
  }

  // Chosen by the person: the page is told when the hand has come to rest.
  ask(place) {
    this.choose(place)
    this.asked = this.record.times[place]
    clearTimeout(this.resting)
    this.resting = setTimeout(() => this.told(this.asked), TELL)
  }

  to(place) {
    this.place = place
    this.draw()
  }

  draw() {
    const { record, place } = this
    const { xaxis } = this.root._fullLayout ?? {}
    if (!record || !xaxis) return
    this.words.textContent = record.words[place]
    const x = this.across(place)
    const [first, last] = [0, -1].map((i) => this.root._fullLayout[record.marks.at(i).axis])
    set(this.line, { x1: x, x2: x, y1: first._offset, y2: last._offset + last._length })
    this.line.setAttribute("aria-valuemax", record.times.at(-1))
    this.line.setAttribute("aria-valuenow", record.times[place])
    this.line.setAttribute("aria-valuetext", record.words[place])
    this.beside.replaceChildren()
    const panels = new Map()
    for (const mark of record.marks) panels.set(mark.axis, [...(panels.get(mark.axis) ?? []), mark])
    for (const [axis, marks] of panels) this.values(marks, this.root._fullLayout[axis], x)
    this.ellipses()
  }

  across(place) {
    const { xaxis } = this.root._fullLayout
    return xaxis._offset + xaxis.c2p(Math.max(this.record.times[place], this.record.zero))
  }

  // Dots where the curves of a panel cross the line, and their values beside them.
  values(marks, yaxis, x) {
    const { xaxis } = this.root._fullLayout
    const { scale, size } = readTheme(this.root)
    const high = (value) => (value === null ? yaxis._length : yaxis.c2p(value)) + yaxis._offset
    const heights = marks.map(({ values }) => high(values[this.place]))
    const order = heights.map((_, i) => i).sort((a, b) => heights[a] - heights[b])
    const half = 0.5 * size
    const top = yaxis._offset + half, bottom = yaxis._offset + yaxis._length - half
    const places = movedApart(order.map((i) => heights[i]), 1.05 * size, top, bottom)
    const leftOf = x > xaxis._offset + 0.6 * xaxis._length
    for (const [row, i] of order.entries()) {
      const { name, colour, values } = marks[i], value = values[this.place]
      if (value !== null) set(svg("circle", this.beside), { cx: x, cy: heights[i], r: 4 * scale, fill: colour })
      const text = svg("text", this.beside)
      set(text, { x: x + (leftOf ? -9 : 9) * scale, y: places[row], "text-anchor": leftOf ? "end" : "start" })
      text.textContent = `${name}: ${value === null ? "diverged" : threeDigits(value)}`
    }
  }

  // What a step makes of the unit circle, each with its name and half axes below, or beside where it stands on the left.
  ellipses() {
    const { [this.record.plane[0]]: across, [this.record.plane[1]]: up, width } = this.root._fullLayout
    const { scale, size } = readTheme(this.root)
    set(this.plane, { x: across._offset, y: up._offset, width: across._length, height: up._length })
    this.plane.replaceChildren()
    const right = across._offset + across._length
    const start = right < 0.7 * width ? [right + size, up._offset + size] : [across._offset, up._offset + up._length + 4 * size]
    for (const [row, { name, colour, dash, along, across: least }] of this.record.ellipses.entries()) {
      const [a, b] = [along[this.place], least[this.place]]
      const look = { stroke: colour, "stroke-dasharray": dashes(dash).join(" ") || "none", "stroke-width": 2.5 * scale }
      if (a !== null) {
        const [cx, cy] = [across.c2p(0), up.c2p(0)]
        const sides = { rx: Math.max(1, across.c2p(a) - cx), ry: Math.max(1, cy - up.c2p(b)) }
        set(svg("ellipse", this.plane), { cx, cy, ...sides, fill: colour, "fill-opacity": "0.1", ...look })
      }
      const [x, y] = [start[0], start[1] + 1.3 * row * size]
      set(svg("line", this.beside), { x1: x, x2: x + 2 * size, y1: y, y2: y, ...look })
      const text = svg("text", this.beside)
      set(text, { x: x + 2.4 * size, y, class: "cursor-half-axes" })
      text.textContent = `${name}: ${a === null ? "diverged" : `${threeDigits(a)} × ${threeDigits(b)}`}`
    }
  }

  // The place nearest to a pointer; null where it is beside the panels.
  nearest({ clientX }) {
    const { xaxis } = this.root._fullLayout
    const at = clientX - this.root.getBoundingClientRect().left
    if (at < xaxis._offset - 12 || at > xaxis._offset + xaxis._length + 12) return null
    let best = 0
    for (let place = 1; place < this.record.times.length; place++) {
      if (Math.abs(this.across(place) - at) < Math.abs(this.across(best) - at)) best = place
    }
    return best
  }

  look(event) {
    if (this.record && this.root._fullLayout) this.to(this.nearest(event) ?? this.chosen)
  }

  key(event) {
    if (!(event.key in STRIDES)) return
    event.preventDefault()
    this.ask(Math.min(this.record.times.length - 1, Math.max(0, this.chosen + STRIDES[event.key])))
  }

  down(event) {
    const place = event.button || !this.record ? null : this.nearest(event)
    if (place === null) return
    event.preventDefault() // the focus stays at the line
    this.line.focus({ preventScroll: true })
    this.ask(place)
    this.pressed = new AbortController()
    const { signal } = this.pressed
    addEventListener("pointermove", (moved) => this.ask(this.nearest(moved) ?? this.chosen), { signal })
    const end = () => {
      this.pressed.abort()
      this.pressed = undefined
    }
    for (const over of ["pointerup", "pointercancel"]) addEventListener(over, end, { signal })
  }

  remove() {
    clearTimeout(this.resting)
    this.pressed?.abort()
    this.words.remove()
  }
}

function threeDigits(value) {
  return Number(value.toPrecision(3)).toString()
}
