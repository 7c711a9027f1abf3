// Predict first: a curve is drawn by hand while all but one are hidden, then the truth runs over it.  See live_chart.py.

const SWEEP = 1800 // milliseconds in which the truth runs over the guess
const CLOSE = 1.05 // a count within this factor is called about right
const SAMPLES = 2 // pixels between two points of a guess, at least
const PEN = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }
const STEPS = [40, 20] // presses of an arrow key along each side of the plot

class Guess {
  constructor(chart) {
    this.chart = chart
    this.points = [] // { x: iteration, y: gap }, x increasing
    this.asked = { reference: null, target: "", reached: [] }
    this.layer = svg("svg", chart.root)
    this.layer.setAttribute("class", "live-chart-leaders live-chart-guess")
    this.layer.toggleAttribute("hidden", true) // until the plot is there
    this.path = svg("path", this.layer)
    this.name = svg("text", this.layer)
    this.name.textContent = "your guess"
    this.pen = svg("circle", this.layer)
    this.pad = element("div", "live-chart-pad", chart.root) // a box, as fingers scroll the page on shapes of a drawing
    for (const [name, value] of Object.entries({ role: "application", tabindex: 0 })) this.pad.setAttribute(name, value)
    this.pad.addEventListener("pointerdown", (event) => this.down(event))
    this.pad.addEventListener("keydown", (event) => this.key(event))
    this.line = element("div", "live-chart-told", chart.root)
    this.words = element("p", "", this.line)
    this.words.setAttribute("role", "status")
    this.show = this.button("Show", () => this.reveal(true))
    this.clear = this.button("Clear", () => this.restart())
    this.restart()
  }

  button(text, pressed) {
    const made = element("button", "", this.line)
    made.type = "button"
    made.textContent = text
    made.onclick = pressed
    return made
  }

  remove() {
    document.documentElement.removeAttribute("data-guessing")
    for (const own of [this.layer, this.pad, this.line]) own.remove()
  }

  restart() {
    this.points = []
    this.at = null // of the pen, in shares of the plot
    this.turn(false)
  }

  turn(shown) {
    this.shown = shown
    document.documentElement.toggleAttribute("data-guessing", !shown)
    this.chart.schedule()
    this.place()
  }

  // What is asked comes with every snapshot; another race is guessed anew.
  take({ run, guess }) {
    this.asked = guess
    this.pad.setAttribute("aria-label", `Draw your guess for ${guess.target}: the arrow keys move the pen`)
    if (this.run !== undefined && this.run !== run) this.restart()
    this.run = run
  }

  // A race that begins is the truth.
  follow(playing) {
    if (playing && !this.playing && this.points.length > 1) this.reveal(false)
    this.playing = playing
  }

  conceals(name) {
    return !this.shown && name !== this.asked.reference
  }

  reveal(sweeps) {
    const { place, plot } = this.chart
    if (sweeps && !matchMedia("(prefers-reduced-motion: reduce)").matches) place.sweep(plot._fullLayout.xaxis.range[0], SWEEP)
    this.turn(true)
    if (place.moves) this.chart.glide()
  }

  // From the units of the curves to pixels, and back.
  scales() {
    const { xaxis, yaxis, _size: size } = this.chart.plot._fullLayout ?? {}
    if (!xaxis) return null
    const { xLog } = this.chart.options
    const across = scaled(xaxis, xaxis._offset, 1), up = scaled(yaxis, yaxis._offset + yaxis._length, -1)
    const value = ({ range: [from, to] }, share) => from + share * (to - from)
    const along = (x) => (xLog ? Math.log10(x) : x)
    return {
      size,
      along,
      pixels: ({ x, y }) => [across(along(x)), up(Math.log10(y))],
      point: ([left, top]) => {
        const at = value(xaxis, (left - xaxis._offset) / xaxis._length)
        return { x: xLog ? 10 ** at : at, y: 10 ** value(yaxis, 1 - (top - yaxis._offset) / yaxis._length) }
      },
    }
  }

  place() {
    const scales = this.scales()
    if (!scales) return
    const { size, pixels } = scales
    const { theme } = this.chart
    this.layer.toggleAttribute("hidden", false)
    const [left, top, width, height] = [size.l, size.t, size.w, size.h].map((pixels) => `${pixels}px`)
    Object.assign(this.pad.style, { left, top, width, height })
    this.pad.hidden = this.shown
    const { clientWidth, clientHeight } = this.chart.root
    this.layer.style.clipPath = `inset(${size.t}px ${clientWidth - size.l - size.w}px ${clientHeight - size.t - size.h}px ${size.l}px)`
    const drawn = this.points.map(pixels)
    this.path.setAttribute("d", drawn.length > 1 ? `M${drawn.map((at) => at.map((p) => p.toFixed(1)).join()).join("L")}` : "")
    this.path.setAttribute("stroke-dasharray", `${7 * theme.scale} ${5 * theme.scale}`)
    this.path.setAttribute("stroke-width", 2.5 * theme.scale)
    this.name.toggleAttribute("hidden", drawn.length < 2)
    const [x, y] = drawn.at(-1) ?? [0, 0]
    const leftOf = x > size.l + 0.6 * size.w
    set(this.name, { x: x + (leftOf ? -6 : 6), y: Math.max(y - 8, size.t + theme.size), "font-size": theme.size })
    this.name.setAttribute("text-anchor", leftOf ? "end" : "start")
    this.pen.toggleAttribute("hidden", this.at === null || this.shown)
    if (this.at) set(this.pen, { cx: size.l + this.at[0] * size.w, cy: size.t + this.at[1] * size.h, r: 5 * theme.scale })
    this.tell()
  }

  // How low the axis goes, an exponent of ten, where the curves go to `low`: there is room for a bold guess, above all while
  // nobody knows how low they will go.
  lowest(low) {
    return Math.min(low - (this.whole ? 1 : 3), ...this.points.map(({ y }) => Math.log10(y)))
  }

  tell() {
    const { asked, shown, points, chart, whole } = this
    const told = !shown
      ? `Draw your guess for ${asked.target} with the mouse, a finger or the arrow keys.${whole ? "" : " Then press Run."}`
      : chart.place.moves ? "" : this.verdict()
    if (this.words.textContent !== told) this.words.textContent = told
    this.show.hidden = shown || !whole
    this.show.disabled = this.clear.disabled = points.length < 2
  }

  // Whether the snapshot goes to the end of the race.
  get whole() {
    const { xRange, xLog } = this.chart.options
    return this.chart.place.goal >= (xLog ? Math.log10(xRange[1]) : xRange[1]) - 1e-6
  }

  verdict() {
    const { target, reached } = this.asked
    const there = reached.filter(([, count]) => count !== null)
    const both = there.map(([gap, count]) => [gap, count, this.arrival(gap)]).filter(([, , guessed]) => guessed !== null)
    if (both.length) {
      const [gap, count, guessed] = both.at(-1)
      const factor = guessed / Math.max(1, count)
      const off = factor > CLOSE ? `too slow by a factor of ${inTwoDigits(factor)}` : `too fast by a factor of ${inTwoDigits(1 / factor)}`
      const judged = factor <= CLOSE && factor >= 1 / CLOSE ? "about right" : off
      return `To g ≤ ${gap} you guessed ${guessed.toLocaleString("en")} iterations for ${target}; it takes ${count.toLocaleString("en")}: ${judged}.`
    }
    if (!there.length) return `${target[0].toUpperCase()}${target.slice(1)} reaches none of the goals here.`
    const [gap, count] = there.at(-1)
    return `Your guess reaches none of the goals that ${target} reaches: it is at g ≤ ${gap} after ${count.toLocaleString("en")} iterations.`
  }

  // The first iteration at which the guess is at a gap or below; null where it never is.
  arrival(gap) {
    const { along } = this.scales()
    const { xLog } = this.chart.options
    const place = this.points.findIndex(({ y }) => y <= gap)
    if (place < 0) return null
    const [before, after] = [this.points[Math.max(0, place - 1)], this.points[place]]
    const fall = Math.log10(before.y / after.y)
    const share = fall > 0 ? Math.log10(before.y / gap) / fall : 1
    const at = along(before.x) + Math.min(1, Math.max(0, share)) * (along(after.x) - along(before.x))
    return Math.max(1, Math.round(xLog ? 10 ** at : at))
  }

  // The guess between two places of the pen, instead of what was there.
  stroke(from, to) {
    const { pixels, point } = this.scales()
    const [low, high] = [Math.min(from[0], to[0]), Math.max(from[0], to[0])]
    const kept = this.points.filter((each) => {
      const [x] = pixels(each)
      return x < low - SAMPLES / 2 || x > high + SAMPLES / 2
    })
    const ends = high - low < SAMPLES ? [to] : [from, to]
    this.points = [...kept, ...ends.map(point)].sort((a, b) => a.x - b.x)
    this.place()
  }

  down(event) {
    if (event.button || !this.scales()) return
    event.preventDefault()
    this.pad.focus({ preventScroll: true })
    this.pad.setPointerCapture(event.pointerId)
    const box = this.chart.root.getBoundingClientRect(), { size } = this.scales()
    const clamp = (value, low, high) => Math.min(high, Math.max(low, value))
    const at = ({ clientX, clientY }) => [
      clamp(clientX - box.left, size.l, size.l + size.w),
      clamp(clientY - box.top, size.t, size.t + size.h),
    ]
    let last = at(event)
    const over = new AbortController(), { signal } = over
    const moved = (each) => {
      const next = at(each)
      if (Math.abs(next[0] - last[0]) < SAMPLES) return
      this.stroke(last, next)
      last = next
      this.at = [(last[0] - size.l) / size.w, (last[1] - size.t) / size.h]
    }
    this.pad.addEventListener("pointermove", (each) => (each.getCoalescedEvents?.() ?? [each]).forEach(moved), { signal })
    for (const end of ["pointerup", "pointercancel"]) this.pad.addEventListener(end, () => over.abort(), { signal })
  }

  // From the left end at a gap of 1 on, or from where the pen was last.
  key(event) {
    const scales = this.scales()
    if (!(event.key in PEN) || !scales) return
    event.preventDefault()
    event.stopPropagation()
    const { size, pixels } = scales
    const [right, down] = PEN[event.key]
    this.at ??= [0, (pixels({ x: 1, y: 1 })[1] - size.t) / size.h]
    const place = ([x, y]) => [size.l + x * size.w, size.t + y * size.h]
    const from = this.at
    this.at = [from[0] + right / STEPS[0], from[1] + down / STEPS[1]].map((share) => Math.min(1, Math.max(0, share)))
    this.stroke(place(from), place(this.at))
  }
}

function inTwoDigits(factor) {
  return factor < 99.5 ? Number(factor.toPrecision(2)).toString() : Math.round(factor).toLocaleString("en")
}
