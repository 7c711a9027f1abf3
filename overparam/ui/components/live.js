// Curves that stream.  See live_chart.py for what is sent and why.
//
// The place that is shown lives here and glides at every frame of the screen: after the newest snapshot, or, where the curves come
// through a stream of ours, as its player has it. While it moves a canvas over the plot draws the curves, at a fiftieth of Plotly's
// cost; at rest they are Plotly's.

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
    this.stacking = [] // names of the curves as their labels stand, from above
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
    this.leaders = svg("svg", this.root)
    this.leaders.setAttribute("class", "live-chart-leaders")
    this.leaders.setAttribute("aria-hidden", "true")
    this.arrivals = svg("svg", this.root)
    this.arrivals.setAttribute("class", "live-chart-leaders live-chart-arrivals")
    this.arrivals.setAttribute("aria-hidden", "true") // the page says the same in words
    this.labels = element("ul", "live-chart-labels", this.root)
    this.problem = element("p", "live-chart-problem", this.root)
    this.problem.setAttribute("role", "alert")
    this.problem.hidden = true
    this.glances = new Glances(this)

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
      this.writeLabels()
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
    this.writeLabels()
    const column = this.placeLabels(width)
    const span = this.span()
    if (span && !this.zoomed && !this.moving) this.heightOfAxis.fit(span)
    return this.Plotly.react(this.plot, this.traces(), this.layout(width, column), this.config()).then(() => {
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

  traces() {
    return this.frame.curves.map((curve) => ({
      type: "scatter",
      mode: "lines",
      name: "%{meta[0]}", // not the name itself, in which Plotly would replace %{...}
      meta: [plotlyText(curve.name), curve.note && `<br>${plotlyText(curve.note)}`],
      ...this.seen(curve),
      opacity: curve.ghost ? 0.45 : 1,
      visible: !this.conceals(curve.name),
      line: { color: curve.colour, dash: curve.dash, width: (curve.ghost ? 1.5 : 2.25) * this.theme.scale },
      hoverlabel: { bordercolor: curve.colour },
      hovertemplate: "%{meta[0]}<br>%{x:,.7~r} : <b>%{y:.4~g}</b>%{meta[1]}<extra></extra>",
    }))
  }

  // Of a curve whose end is known already, as far as it is shown.
  seen({ x, y, lx, ghost }) {
    const stop = this.player.plays && !ghost ? lx.filter((at) => at <= this.place.at).length : x.length
    return { x: x.slice(0, stop), y: y.slice(0, stop) }
  }

  layout(width, column) {
    const { options, theme } = this
    const axis = (log, title, ticks) => ({
      type: log ? "log" : "linear",
      uirevision: this.painted, // what a person has chosen is kept by `zoomed`
      title: { text: title, standoff: 0.75 * theme.size, font: { size: theme.size } },
      automargin: true,
      zeroline: false,
      gridcolor: theme.grid,
      linecolor: theme.grid,
      exponentformat: log ? "power" : "none",
      separatethousands: true,
      nticks: Math.max(2, Math.floor(ticks)),
    })
    const xaxis = axis(options.xLog, options.xTitle, (width - column) / (6 * theme.size))
    const yaxis = axis(true, options.yTitle, Math.min(10, this.height / (4 * theme.size)))
    if (options.xRange) {
      xaxis.range = options.xLog ? options.xRange.map(Math.log10) : options.xRange
      if (options.xLog && xaxis.range[1] - xaxis.range[0] < 3.5) xaxis.dtick = "D2" // 1, 2 and 5: no room for more
      xaxis.autorange = false
    } else {
      xaxis.autorangeoptions = this.extent() // no further than the curves, however long the text at a mark
    }
    const shown = this.plot._fullLayout
    if (this.zoomed && this.xLogOfZoom === options.xLog) {
      Object.assign(xaxis, { range: [...shown.xaxis.range], autorange: false })
    }
    this.xLogOfZoom = options.xLog
    if (this.zoomed) yaxis.range = [...shown.yaxis.range]
    else if (this.heightOfAxis.shown) yaxis.range = this.heightOfAxis.shown
    const decades = yaxis.range ? yaxis.range[1] - yaxis.range[0] : 0
    if (decades >= 1 && decades < 3.5) yaxis.dtick = "D2" // 1, 2 and 5: nine digits would touch
    const marks = this.frame.marks.filter((mark) => !options.xLog || mark.x > 0)
    const below = { yref: "paper", y: 0, yanchor: "top", yshift: -2, showarrow: false, font: { size: theme.size } } // as a tick
    return {
      width,
      height: this.height,
      margin: { l: 8, r: column + 16, t: 2 * theme.size, b: 8 },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: theme.family, size: theme.size, color: theme.text },
      hoverlabel: { font: { family: theme.family, size: theme.size, color: theme.text }, bgcolor: theme.background, align: "left" },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: theme.faint, activecolor: theme.text },
      showlegend: false,
      hovermode: "closest",
      dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom", // a finger scrolls the page
      uirevision: "keep",
      xaxis,
      yaxis,
      shapes: marks.map((mark) => ({
        type: "line",
        x0: mark.x,
        x1: mark.x,
        yref: "paper",
        y0: 0,
        y1: 1,
        line: { color: theme.faint, width: theme.scale, dash: "dot" },
      })),
      annotations: [
        ...marks.map((mark) => ({
          x: options.xLog ? Math.log10(mark.x) : mark.x,
          yref: "paper",
          y: 1,
          yanchor: "bottom",
          showarrow: false,
          text: plotlyText(mark.text),
          font: { size: 0.9 * theme.size },
        })),
        ...(options.xZero ? [{ ...below, x: Math.log10(options.xZero), text: "0" }] : []),
      ],
    }
  }

  config() {
    this.buttons ??= [
      [this.exportButton("png", this.Plotly.Icons.camera), this.exportButton("svg", this.Plotly.Icons.disk)],
      ["zoom2d", "pan2d", { name: "whole", title: "Whole view", icon: this.Plotly.Icons.home, click: () => this.wholeView() }],
    ]
    return { displaylogo: false, modeBarButtons: this.buttons, doubleClick: false }
  }

  exportButton(format, icon) {
    const title = `Download this picture as ${format.toUpperCase()}`
    return { name: title, title, icon, click: () => this.download(format) }
  }

  // The file stands alone: its own background, and a legend in the place of the labels.
  async download(format) {
    const { width } = this.plot.layout
    const layout = {
      ...this.plot.layout,
      paper_bgcolor: this.theme.background,
      font: { ...this.plot.layout.font, family: "sans-serif" }, // the page's own font is not part of the file
      showlegend: true,
      legend: { orientation: "h", x: 0, y: 0, yref: "container", yanchor: "bottom" },
      margin: { ...this.plot.layout.margin, r: 24 },
    }
    const height = this.height + 1.6 * this.theme.size * Math.ceil(this.frame.curves.length / 4)
    const picture = { data: this.plot.data.filter((trace) => trace.visible), layout: { ...layout, height } }
    const link = document.createElement("a")
    link.href = await this.Plotly.toImage(picture, { format, width, height, scale: format === "png" ? 2 : 1 })
    link.download = `${this.key}.${format}`
    link.click()
  }

  // One button per curve: its name, its line, and the switch that hides it.
  writeLabels() {
    const { curves } = this.frame
    const wanted = JSON.stringify(curves.map((c) => [c.name, c.colour, c.dash, c.ghost]))
    if (wanted !== this.written) {
      this.written = wanted
      this.labels.replaceChildren(...curves.map((curve) => this.label(curve)))
    }
    for (const [i, item] of [...this.labels.children].entries()) {
      item.firstChild.setAttribute("aria-pressed", !this.hidden.has(curves[i].name))
      // a ghost has the colour and dash of the curve that it is compared with
      item.hidden = curves[i].ghost || Boolean(this.guess?.conceals(curves[i].name))
    }
  }

  label(curve) {
    const item = document.createElement("li")
    const button = element("button", "", item)
    button.type = "button"
    button.title = `${curve.name}: show or hide`
    const swatch = svg("svg", button)
    swatch.setAttribute("aria-hidden", "true")
    const line = svg("line", swatch)
    const style = { x1: 0, x2: "100%", y1: "50%", y2: "50%", stroke: curve.colour, "stroke-width": curve.ghost ? 1.5 : 2.5 }
    style["stroke-dasharray"] = dashes(curve.dash).join(" ") || "none"
    for (const [name, value] of Object.entries(style)) line.setAttribute(name, value)
    element("span", "", button).textContent = curve.name
    button.onclick = () => {
      if (!this.hidden.delete(curve.name)) this.hidden.add(curve.name)
      this.schedule() // while it moves, too: the switches and Plotly's hidden curves agree
    }
    return item
  }

  // Labels stand beside the ends of the curves where there is room, and below the chart where there is not.
  // Returns the width that they need on the right.
  placeLabels(width) {
    const items = [...this.labels.children]
    this.labels.classList.remove("beside")
    this.row = 1.5 * this.theme.size
    this.labels.style.width = "max-content" // measured at their natural size
    const longest = Math.max(0, ...items.map((item) => item.offsetWidth))
    this.labels.style.width = ""
    const shown = items.filter((item) => !item.hidden).length
    const fits = shown * this.row <= this.height - 7 * this.theme.size
    this.beside = shown > 0 && fits && longest <= 0.36 * width && width >= 36 * this.theme.size
    this.labels.classList.toggle("beside", this.beside)
    return this.beside ? longest + LEADER : 0
  }

  annotate() {
    this.joinLabels()
    this.markArrivals()
    this.guess?.place()
  }

  // Put each label at the height of its curve's end, moved apart where they would overlap, and join the two.
  joinLabels() {
    this.leaders.replaceChildren()
    const current = this.labels.children.length === this.frame.curves.length // else of a race before: a drawing is under way
    if (!this.beside || !current) return
    const { xaxis, yaxis, _size: size } = this.plot._fullLayout
    const right = size.l + size.w
    const bottom = size.t + size.h
    const labelled = this.frame.curves.map((curve, i) => [curve, i]).filter(([, i]) => !this.labels.children[i].hidden)
    const ends = labelled.map(([curve, i]) => {
      const end = { item: this.labels.children[i], curve, x: right, y: bottom, drawn: false }
      const tip = this.tip(curve)
      if (!tip) return end
      const x = scaled(xaxis, xaxis._offset, 1)(tip[0])
      const y = scaled(yaxis, yaxis._offset + yaxis._length, -1)(tip[1])
      const drawn = !this.conceals(curve.name) && x >= size.l && x <= right + 1 && y >= size.t && y <= bottom
      return { ...end, x: Math.min(x, right), y: Math.min(Math.max(y, size.t), bottom), drawn }
    })
    this.stack(ends)
    const places = movedApart(ends.map((end) => end.y), this.row, size.t, bottom)
    for (const [i, { item, curve, x, y, drawn }] of ends.entries()) {
      item.style.left = `${right + LEADER - 4}px`
      item.style.top = `${places[i]}px`
      if (!drawn) continue
      const path = svg("path", this.leaders)
      path.setAttribute("d", `M${x + 2} ${y} L${Math.max(x + 2, right + 4)} ${y} L${right + LEADER - 4} ${places[i]}`)
      path.setAttribute("stroke", curve.colour)
    }
  }

  // Lines at the goals; a flag below the line where a curve comes to one, as far as the place has come; the bracket over two.
  markArrivals() {
    this.arrivals.replaceChildren()
    const { xaxis, yaxis, _size: size } = this.plot._fullLayout
    const across = scaled(xaxis, xaxis._offset, 1), up = scaled(yaxis, yaxis._offset + yaxis._length, -1)
    const right = size.l + size.w, bottom = size.t + size.h, line = 1.15 * this.theme.size
    const draw = (kind, attributes, text = "") => {
      const drawn = svg(kind, this.arrivals)
      for (const [name, value] of Object.entries(attributes)) drawn.setAttribute(name, value)
      drawn.textContent = text
      return drawn
    }
    const write = (x, y, text, more) => draw("text", { x, y, "font-size": 0.92 * this.theme.size, ...more }, text)
    for (const goal of this.frame.goals) {
      const y = up(Math.log10(goal.y))
      if (!(y >= size.t && y <= bottom)) continue
      draw("path", { class: "goal", d: `M${size.l} ${y} H${right}` })
      if (goal.text) write(size.l + 4, y - 0.3 * line, goal.text, { class: "goal" })
    }
    const ends = new Map() // of each row of flags: where its last text ends
    const flags = new Map()
    for (const flag of [...this.frame.flags].sort((a, b) => a.x - b.x)) {
      const along = this.options.xLog ? Math.log10(flag.x) : flag.x
      const [x, y] = [across(along), up(Math.log10(flag.y))]
      if (along > this.place.at + 1e-9 || this.conceals(flag.name)) continue
      if (!(x >= size.l && x <= right + 1 && y >= size.t && y <= bottom)) continue
      flags.set(flag.name, { x, y })
      const width = 0.58 * this.theme.size * flag.text.length
      let row = 1
      while (x - width < (ends.get(row) ?? -Infinity) && row < 6) row++
      ends.set(row, x + 0.5 * this.theme.size)
      const foot = Math.min(y + (row + 0.15) * line, bottom)
      draw("path", { class: "flag", d: `M${x} ${y} V${foot}`, stroke: flag.colour })
      draw("circle", { cx: x, cy: y, r: 3.5 * this.theme.scale, fill: flag.colour })
      write(x - 4, foot - 0.15 * line, flag.text, { "text-anchor": "end", fill: this.theme.text, class: "flag" })
    }
    const [from, to] = (this.frame.bracket ?? []).map((name) => flags.get(name))
    if (!from || !to || from.x === to.x) return
    const [a, b] = [from.x, to.x].sort((one, other) => one - other), top = from.y - 0.5 * line
    draw("path", { class: "bracket", d: `M${a} ${from.y - 4} V${top} H${b} V${from.y - 4}` })
    write((a + b) / 2, top - 0.3 * line, this.frame.bracket[2], { class: "bracket", "text-anchor": "middle" })
  }

  extent() {
    let [clipmin, clipmax] = [Infinity, -Infinity]
    for (const { x } of this.frame.curves) {
      for (const value of x) {
        if (!Number.isFinite(value) || (this.options.xLog && value <= 0)) continue
        clipmin = Math.min(clipmin, value)
        clipmax = Math.max(clipmax, value)
      }
    }
    return clipmin < clipmax ? { clipmin, clipmax } : {}
  }

  // Labels keep their order until two curves have clearly crossed: ends that run close together would make them swap all the time.
  stack(ends) {
    const before = new Map(this.stacking.map((name, i) => [name, i]))
    const known = ends.every(({ curve }) => before.has(curve.name))
    if (known && this.moving) {
      ends.sort((a, b) => before.get(a.curve.name) - before.get(b.curve.name))
      for (let i = 1; i < ends.length; i++) {
        for (let j = i; j > 0 && ends[j].y < ends[j - 1].y - 0.7 * this.row; j--) [ends[j - 1], ends[j]] = [ends[j], ends[j - 1]]
      }
    } else {
      ends.sort((a, b) => a.y - b.y)
    }
    this.stacking = ends.map(({ curve }) => curve.name)
  }

  // Where a curve ends at the place that is shown, in the units of the axes; null if it has no point.
  tip({ lx, ly, ghost }) {
    const edge = ghost ? Infinity : this.place.at
    let last = ly.length - 1
    while (last >= 0 && !(lx[last] <= edge && Number.isFinite(ly[last]))) last--
    if (last < 0) return null
    return between(lx, ly, last, edge) ?? [lx[last], ly[last]]
  }
}

// The place that is shown along the x axis, in its units (exponents of ten where it is logarithmic).
class Place {
  at = Infinity
  goal = Infinity

  // A new snapshot reaches so far; it is shown at once unless it goes on with what is shown.
  head(reach, goesOn) {
    this.goal = reach
    if (!goesOn || !(this.at <= reach) || !Number.isFinite(this.at)) this.at = reach
  }

  get moves() {
    return this.at < this.goal
  }

  // From a place to the newest snapshot evenly, in so many milliseconds.
  sweep(from, duration) {
    this.pace = (1000 * (this.goal - from)) / duration
    this.at = from
  }

  // Close in on the newest snapshot evenly, however seldom snapshots come.
  step(now) {
    const passed = Math.min(0.1, Math.max(0, (now - (this.last ?? now)) / 1000))
    this.last = now
    if (this.pace) this.at = Math.min(this.goal, this.at + this.pace * passed)
    else this.at += (this.goal - this.at) * (1 - Math.exp(-passed / GLIDE))
    if (this.goal - this.at < 1e-3 * Math.max(1, Math.abs(this.goal))) this.at = this.goal
  }

  arrive() {
    this.at = this.goal
    this.last = undefined
    this.pace = 0
  }
}

// The range of the y axis, as exponents of ten: it opens in whole steps and closes only at rest, so that it seldom changes.
class Range {
  // What holds a span with some air.
  static around([low, high]) {
    return [Math.floor(2 * (low - 0.1)) / 2, Math.ceil(2 * (high + 0.1)) / 2]
  }

  // At rest: as close as it can be, but not another range for less than a step.
  fit(span) {
    const wanted = Range.around(span)
    const near = this.shown && span[0] >= this.shown[0] && span[1] <= this.shown[1]
    if (near && wanted[0] - this.shown[0] <= 0.5 && this.shown[1] - wanted[1] <= 0.5) this.to = this.shown
    else this.shown = this.to = wanted
    this.from = this.shown
  }

  // Whether the axis is to be set now; begins a change where the span has left what is shown.
  toward(span, now) {
    if (!this.shown) {
      if (span) this.fit(span)
      return Boolean(span)
    }
    const [low, high] = span ?? this.shown
    if ((low < this.to[0] || high > this.to[1]) && now - (this.began ?? -Infinity) >= 1000) {
      const wanted = Range.around([low - 0.5 * (low < this.to[0]), high])
      this.from = this.shown
      this.to = [Math.min(wanted[0], this.to[0]), Math.max(wanted[1], this.to[1])]
      this.began = now
    }
    return this.moves()
  }

  moves() {
    return Boolean(this.shown) && (this.shown[0] !== this.to[0] || this.shown[1] !== this.to[1])
  }

  at(now) {
    const share = Math.min(1, (now - this.began) / EASE)
    const eased = share * share * (3 - 2 * share)
    this.shown = share === 1 ? this.to : this.from.map((value, i) => value + eased * (this.to[i] - value))
    return this.shown
  }
}

const REST = 300 // milliseconds without a new snapshot: Plotly draws
const GLIDE = 0.07 // seconds in which the place closes in by a factor of e
const EASE = 350 // milliseconds of a change of the axis

// From an axis's units to pixels.
function scaled({ range: [from, to], _length: length }, origin, direction) {
  const slope = (direction * length) / (to - from)
  return (value) => origin + (value - from) * slope
}

// The point of a curve at `edge`, between sample i and the next; null where there is none.
function between(lx, ly, i, edge) {
  if (!(edge < Infinity) || i + 1 >= lx.length || !Number.isFinite(ly[i + 1]) || !(lx[i + 1] > lx[i])) return null
  const share = Math.min(1, (edge - lx[i]) / (lx[i + 1] - lx[i]))
  return [lx[i] + share * (lx[i + 1] - lx[i]), ly[i] + share * (ly[i + 1] - ly[i])]
}

function trace(g, { lx, ly }, edge, across, up) {
  let down = false
  g.beginPath()
  for (let i = 0; i < lx.length && lx[i] <= edge; i++) {
    const seen = Number.isFinite(ly[i]) && Number.isFinite(lx[i])
    if (seen && down) g.lineTo(across(lx[i]), up(ly[i]))
    else if (seen) g.moveTo(across(lx[i]), up(ly[i]))
    down = seen
    const tip = seen && lx[i + 1] > edge ? between(lx, ly, i, edge) : null
    if (tip) g.lineTo(across(tip[0]), up(tip[1]))
  }
  g.stroke()
}

// An empty canvas of that size in CSS pixels; its drawing context.
function clean(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1, [w, h] = [width, height].map((side) => Math.round(side * ratio))
  if (canvas.width !== w || canvas.height !== h) {
    Object.assign(canvas, { width: w, height: h })
    Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` })
  }
  const g = canvas.getContext("2d")
  g.setTransform(ratio, 0, 0, ratio, 0, 0)
  g.clearRect(0, 0, width, height)
  return g
}

function dashes(dash) {
  return (dash.includes("px") ? dash : (DASHES[dash] ?? "")).split(",").filter(Boolean).map(parseFloat)
}

const OWN_KEYS = "input, textarea, [contenteditable], button, a, summary" // what has the focus takes keys itself
const FLOOR = 1e-16 // rounding can take a gap to zero or below
const LEADER = 26 // pixels between the plot and the labels
const DASHES = { dot: "3px,3px", dash: "9px,9px", longdash: "15px,15px", dashdot: "9px,3px,3px,3px" }

// Positions no closer than `gap`, in the order given (ascending), inside [low, high] as far as they fit.
function movedApart(wanted, gap, low, high) {
  const places = [...wanted]
  for (let i = 0; i < places.length; i++) places[i] = Math.max(places[i], i ? places[i - 1] + gap : low)
  for (let i = places.length - 1; i >= 0; i--) {
    places[i] = Math.min(places[i], i < places.length - 1 ? places[i + 1] - gap : high)
  }
  return places
}

function decode(head, points) {
  const frame = JSON.parse(new TextDecoder().decode(bytes(head)))
  const values = new Float32Array(bytes(points).buffer)
  let at = 0
  for (const curve of frame.curves) {
    curve.x = values.subarray(at, at + curve.points)
    curve.y = values.subarray(at + curve.points, at + 2 * curve.points)
    at += 2 * curve.points
  }
  return frame
}

// The same frame with its points in the units of the axes (lx, ly), and how far its curves reach.
function located(frame, xLog) {
  frame.reach = -Infinity
  for (const curve of frame.curves) {
    curve.lx = Float64Array.from(curve.x, xLog ? Math.log10 : Number)
    curve.ly = Float64Array.from(curve.y, Math.log10)
    if (!curve.ghost) for (const x of curve.lx) if (Number.isFinite(x)) frame.reach = Math.max(frame.reach, x)
  }
  return frame
}

// An iteration in the units of the x axis.
function along(iteration, { xLog, xZero }) {
  return xLog ? Math.log10(Math.max(iteration, xZero)) : iteration
}

// A recorded curve in the units of the axes. What diverges leaves the picture upwards; zero and rounding below it are no gaps.
function recorded({ samples, iteration, values, tips }, i, options) {
  const onward = iteration > SAMPLED[samples - 1], count = samples + onward
  const lx = new Float64Array(count), ly = new Float64Array(count)
  const top = Math.log10(options.yClip[1])
  let lost = false
  for (let j = 0; j < count; j++) {
    const value = j < samples ? values[i][j] : tips[i]
    lx[j] = along(j < samples ? SAMPLED[j] : iteration, options)
    ly[j] = Number.isNaN(value) ? (lost ? Number.NaN : top) : Math.log10(Math.max(value, FLOOR))
    lost ||= Number.isNaN(value)
  }
  const x = lx.map(options.xLog ? (at) => 10 ** at : Number), y = ly.map((gap) => 10 ** gap)
  return { lx, ly, x, y }
}

const bytes = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))

// Plotly reads a little HTML in texts; a name must show as it is.
function plotlyText(text) {
  return text
    .replace(/[\u0000-\u001f]/g, " ")
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
}
