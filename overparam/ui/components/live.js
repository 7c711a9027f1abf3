// Curves that stream.  See live_chart.py for what is sent and why.
//
// The place that is shown lives here and glides at every frame of the screen: after the newest snapshot, or, where the curves come
// through a stream of ours, as its player has it (place.js, player.js). While it moves a canvas over the plot draws the curves, at a
// fiftieth of Plotly's cost (canvas.js); at rest they are Plotly's (at_rest.js).

const charts = new WeakMap() // mounted element -> LiveChart
const hiddenCurves = new Map() // key of a chart -> names that were switched off; outlives a visit to another page

function live({ data, parentElement, }) {
  let chart = charts.get(parentElement)
  if (!chart) {
    chart = new LiveChart(parentElement, data)
    charts.set(parentElement, chart)
  }
  chart.configure(data) // also called when the theme changes
  return () => {
    chart.destroy()
    charts.delete(parentElement)
  }
}

class LiveChart {
  constructor(parent, { key }) {
    this.key = key
    this.player = new Player(() => this.more())
    this.foreseeing = (event) => this.foresee(event)
    for (const kind of ["click", "keydown"]) document.addEventListener(kind, this.foreseeing, true)
    this.parent = parent
    this.order = [-1, -1]
    this.frame = { run: "", curves: [], marks: [], goals: [], flags: [], bracket: null }
    this.place = new Place()
    this.heightOfAxis = new Range()
    this.painted = 0
    if (!hiddenCurves.has(key)) hiddenCurves.set(key, new Set())
    this.hidden = hiddenCurves.get(key)

    this.root = element("div", "live-chart", parent)
    this.plot = element("div", "live-chart-plot", this.root)
    this.plot.setAttribute("role", "figure") // an image could hold no buttons
    this.canvas = element("canvas", "live-chart-canvas", this.root)
    // a rectangle that is being drawn would be lost where the axes change under it
    this.released = () => {
      if (!this.dragging) return
      this.dragging = false
      this.schedule()
    }
    this.plot.addEventListener("pointerdown", () => { this.dragging = true }, true)
    for (const end of ["pointerup", "pointercancel"]) addEventListener(end, this.released, true)
    this.arrivals = new ArrivalMarks(this)
    this.labels = new EndLabels(this)
    this.problem = element("p", "live-chart-problem", this.root)
    this.problem.setAttribute("role", "alert")
    this.problem.hidden = true
    this.glances = new Glances(this)
    this.atRest = new AtRest(this)

    this.inbox = new MutationObserver(() => this.receive())
    this.inbox.observe(document.body, { childList: true, subtree: true })
    // a box of 1rem notices the projector mode, the root notices the window
    const rem = element("div", "", this.root)
    rem.style.cssText = "position:absolute; visibility:hidden; width:1rem; height:0"
    this.sizes = new ResizeObserver(() => this.schedule())
    this.sizes.observe(this.root)
    this.sizes.observe(rem)
  }

  configure(options) {
    const turned = this.options && this.options.xLog !== options.xLog
    this.options = options
    if (turned) {
      this.place.head(located(this.frame, options.xLog).reach, false)
      this.more()
    }
    this.plot.setAttribute("aria-label", options.alt)
    this.guessAtFirst(options)
    if (this.height) heights.changed()
    else heights.add(this.plot, this)
    if (this.Plotly) {
      this.receive()
      this.schedule()
    } else this.turn ??= heights.inTurn(this.plot, () => this.begin()).catch(() => {
      this.turn = undefined
      this.problem.textContent = "The drawing library did not load, so this chart stays empty: reload the page."
      this.problem.hidden = Boolean(this.Plotly)
    })
  }

  async begin() {
    this.Plotly = await loadPlotly(this.options.plotly)
    this.problem.hidden = true
    this.receive()
    cancelAnimationFrame(this.scheduled)
    this.scheduled = 0
    await this.paint()
  }

  guessAtFirst({ guessing, playing }) {
    if (Boolean(this.guess) !== guessing) {
      this.guess?.remove()
      this.guess = guessing ? new Guess(this) : null
      if (guessing && this.frame.run) this.guess.take(this.frame)
      this.schedule()
    }
    this.guess?.follow(playing)
  }

  // Curves that are not to be seen: switched off by a person, or to be guessed first.
  conceals(name) {
    return this.hidden.has(name) || Boolean(this.guess?.conceals(name))
  }

  // Of a click or a key that lets the curves run or stand, the player hears before the script.
  foresee(event) {
    const { buttons, run, keys } = this.options.transport, { player } = this
    if (this.passing || !buttons || !event.target.closest) return
    const key = event.type === "keydown" && !event.target.closest(OWN_KEYS) ? keys.indexOf(event.key) : -1
    if (key < 0 && !(event.type === "click" && event.target.closest(buttons))) return
    const runs = key === 0 ? document.querySelector(run) : event.target.closest(run)
    const press = () => {
      this.passing = true
      runs.click()
      this.passing = false
    }
    if (player.playing ? player.hold() && runs : runs && player.start(press)) event.stopImmediatePropagation()
  }

  least() {
    return leastHeight(this.options.height)
  }

  most() {
    return this.root.clientWidth
  }

  change() {
    this.schedule()
  }

  destroy() {
    this.player.destroy()
    this.glances.destroy()
    this.guess?.remove()
    for (const kind of ["click", "keydown"]) document.removeEventListener(kind, this.foreseeing, true)
    clearTimeout(this.resting)
    cancelAnimationFrame(this.gliding)
    for (const end of ["pointerup", "pointercancel"]) removeEventListener(end, this.released, true)
    heights.remove(this.plot)
    this.inbox.disconnect()
    this.sizes.disconnect()
    cancelAnimationFrame(this.scheduled)
    this.destroyed = true
    this.Plotly?.purge(this.plot)
    this.root.remove()
  }

  // Take the newest snapshot on the page, if it is newer than the one shown.
  receive() {
    for (const sent of document.querySelectorAll(`[data-live-chart="${CSS.escape(this.key)}"]`)) {
      const order = sent.dataset.order.split(" ").map(Number)
      if (order[0] < this.order[0] || (order[0] === this.order[0] && order[1] <= this.order[1])) continue
      this.order = order
      const before = this.frame, frame = located(decode(sent.dataset.head, sent.dataset.points), this.options.xLog)
      this.player.follow(frame.feed)
      if (this.player.glancing) {
        this.glances.kept = frame
        continue
      }
      this.glances.end()
      this.frame = frame
      this.guess?.take(this.frame)
      this.root.dataset.received = (Number(this.root.dataset.received) || 0) + 1
      if (this.player.plays) {
        this.more()
        continue
      }
      const goesOn = this.Plotly && this.painted && before.run === this.frame.run && before.curves.length === this.frame.curves.length
      this.place.head(this.frame.reach, goesOn && !matchMedia("(prefers-reduced-motion: reduce)").matches)
      if (this.place.moves) this.glide()
      else this.settle()
    }
  }

  // The stream, or a snapshot beside it, brought something: the curves are the stream's.
  more() {
    const { recording, feed, plays, glancing } = this.player
    if (glancing) this.root.dataset.glances = (Number(this.root.dataset.glances) || 0) + 1
    if (glancing && !this.glances.kept) this.glances.begin()
    else if (!glancing && this.glances.kept) {
      this.glances.end()
      this.place.head(this.frame.reach, false)
      this.settle()
    }
    if (!plays && !glancing) return
    if (glancing || recording.run === feed.run) {
      this.frame.curves = this.frame.curves.filter(({ trial }) => !trial || recording.comparing)
      for (const [i, curve] of this.frame.curves.filter(({ ghost }) => !ghost).entries()) {
        Object.assign(curve, recorded(recording, i, this.options))
      }
    }
    this.glide()
  }

  // Draw at every frame of the screen until the place has come up with the newest snapshot; Plotly draws when it rests there.
  glide() {
    clearTimeout(this.resting)
    if (this.gliding || this.destroyed) return
    if (!this.moving) {
      this.moving = true
      this.labels.write()
      this.root.classList.add("moving")
    }
    this.gliding = requestAnimationFrame((now) => {
      this.gliding = 0
      if (this.destroyed || !this.root.clientWidth || !this.plot._fullLayout?.xaxis) return this.settle()
      if (this.player.glancing) {
        this.place.head(along(this.player.recording.iteration, this.options), false)
      } else if (this.player.plays) {
        this.player.step(now)
        this.place.head(along(this.player.place, this.options), false)
      } else {
        this.place.step(now)
      }
      this.easeAxis(now)
      this.sketch()
      const { plays, moves } = this.player
      // a zoom ends a change of the axis midway
      if ((plays ? moves : this.place.moves) || (!this.zoomed && this.heightOfAxis.moves())) this.glide()
      else if (!plays && !this.player.glancing) this.resting = setTimeout(() => this.settle(), REST)
    })
  }

  settle() {
    this.moving = false
    this.place.arrive()
    this.schedule()
  }

  // The axis follows the curves in steps: at most one change a second, and each of them eased.
  easeAxis(now) {
    if (this.zoomed || this.dragging || !this.heightOfAxis.toward(this.span(), now)) return
    this.Plotly.relayout(this.plot, { "yaxis.range": this.heightOfAxis.at(now) })
  }

  // The curves as far as the place has come, on the canvas.
  sketch() {
    const { xaxis, yaxis, _size: size } = this.plot._fullLayout
    const g = clean(this.canvas, this.root.clientWidth, this.height)
    g.save()
    g.beginPath()
    g.rect(size.l, size.t, size.w, size.h)
    g.clip()
    const across = scaled(xaxis, xaxis._offset, 1), up = scaled(yaxis, yaxis._offset + yaxis._length, -1)
    g.lineJoin = "round"
    for (const curve of this.frame.curves) {
      if (this.conceals(curve.name)) continue
      g.lineWidth = (curve.ghost ? 1.5 : 2.25) * this.theme.scale
      g.globalAlpha = curve.ghost ? 0.45 : 1
      g.strokeStyle = curve.colour
      g.setLineDash(dashes(curve.dash))
      trace(g, curve, curve.ghost ? Infinity : this.place.at, across, up)
    }
    g.restore()
    this.annotate()
    this.root.dataset.run = this.frame.run
    this.root.dataset.painted = ++this.painted
  }

  // Lowest and highest value that is drawn, as exponents of ten, within the limits that the page sets; null if there is none.
  span() {
    let [low, high] = [Infinity, -Infinity]
    for (const { name, lx, ly, ghost } of this.frame.curves) {
      if (this.hidden.has(name)) continue
      for (let i = 0; i < ly.length && (ghost || lx[i] <= this.place.at); i++) {
        if (!Number.isFinite(ly[i]) || !Number.isFinite(lx[i])) continue
        low = Math.min(low, ly[i])
        high = Math.max(high, ly[i])
      }
    }
    if (this.guess) low = this.guess.lowest(low)
    const flags = this.frame.flags.filter(({ name }) => !this.hidden.has(name))
    if (flags.length) low = Math.min(low, Math.log10(Math.min(...flags.map(({ y }) => y))) - 0.25 * Math.min(3, flags.length)) // their texts
    const [least, most] = this.options.yClip.map((value) => (value === null ? null : Math.log10(value)))
    low = Math.max(low, least ?? low)
    high = Math.min(high, most ?? high)
    return low <= high ? [low, high] : null
  }

  // However many snapshots arrive, at most one drawing per frame of the screen.
  schedule() {
    if (this.scheduled || this.dragging || !this.Plotly) return
    this.scheduled = requestAnimationFrame(() => {
      this.scheduled = 0
      this.paint()
    })
  }

  paint() {
    const width = this.root.clientWidth
    if (this.destroyed || this.dragging || !width) return
    this.theme = readTheme(this.parent)
    this.labels.write()
    const column = this.labels.makeRoom(width)
    const span = this.span()
    if (span && !this.zoomed && !this.moving) this.heightOfAxis.fit(span)
    return this.Plotly.react(this.plot, ...this.atRest.picture(width, column)).then(() => {
      if (this.destroyed) return
      if (!this.listening) {
        this.listening = true
        this.plot.on("plotly_relayout", (change) => this.relaidOut(change))
        this.plot.on("plotly_doubleclick", () => this.wholeView())
      }
      if (!this.moving) {
        this.root.classList.remove("moving")
        clean(this.canvas, width, this.height)
      }
      this.annotate()
      this.root.dataset.run = this.frame.run
      this.root.dataset.painted = ++this.painted
    })
  }

  // A person who zooms keeps what they chose, along both axes, until they ask for the whole again.
  relaidOut(change) {
    const chosen = Object.keys(change).some((name) => /^[xy]axis\.(range\[|autorange)/.test(name))
    if (chosen) this.zoomed = true
    this.annotate()
    if (this.moving) this.glide()
  }

  wholeView() {
    this.zoomed = false
    this.heightOfAxis = new Range()
    this.schedule()
    return false
  }

  annotate() {
    this.labels.join()
    this.arrivals.mark()
    this.guess?.place()
  }
}

const REST = 300 // milliseconds without a new snapshot: Plotly draws
const OWN_KEYS = "input, textarea, [contenteditable], button, a, summary" // what has the focus takes keys itself
