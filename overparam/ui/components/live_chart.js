// A chart that is mounted once and redrawn in place.  See live_chart.py for what is sent and why.

const charts = new WeakMap() // mounted element -> LiveChart
const hiddenCurves = new Map() // key of a chart -> names that were switched off; outlives a visit to another page

export default function ({ data, parentElement }) {
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
    this.parent = parent
    this.order = [-1, -1]
    this.frame = { run: "", curves: [], marks: [] }
    this.painted = 0
    if (!hiddenCurves.has(key)) hiddenCurves.set(key, new Set())
    this.hidden = hiddenCurves.get(key)

    this.root = element("div", "live-chart", parent)
    this.plot = element("div", "live-chart-plot", this.root)
    this.plot.setAttribute("role", "figure") // an image could hold no buttons
    this.leaders = svg("svg", this.root)
    this.leaders.setAttribute("class", "live-chart-leaders")
    this.leaders.setAttribute("aria-hidden", "true")
    this.labels = element("ul", "live-chart-labels", this.root)
    this.problem = element("p", "live-chart-problem", this.root)
    this.problem.setAttribute("role", "alert")
    this.problem.hidden = true

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
    this.options = options
    this.plot.setAttribute("aria-label", options.alt)
    if (this.height) heights.changed()
    else heights.add(this.plot, this)
    loadPlotly(options.plotly).then(
      (plotly) => {
        this.Plotly = plotly
        this.problem.hidden = true
        this.receive()
        this.schedule()
      },
      () => {
        this.problem.textContent = "The drawing library did not load, so this chart stays empty: reload the page."
        this.problem.hidden = false
      },
    )
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
      this.frame = decode(sent.dataset.head, sent.dataset.points)
      this.root.dataset.received = (Number(this.root.dataset.received) || 0) + 1
      this.schedule()
    }
  }

  // However many snapshots arrive, at most one drawing per frame of the screen.
  schedule() {
    if (this.scheduled || !this.Plotly) return
    this.scheduled = requestAnimationFrame(() => {
      this.scheduled = 0
      this.paint()
    })
  }

  paint() {
    const width = this.root.clientWidth
    if (this.destroyed || !width) return
    this.theme = readTheme(this.parent)
    this.writeLabels()
    const column = this.placeLabels(width)
    this.Plotly.react(this.plot, this.traces(), this.layout(width, column), this.config()).then(() => {
      if (this.destroyed) return
      if (!this.listening) {
        this.listening = true
        this.plot.on("plotly_relayout", () => this.joinLabels())
      }
      this.joinLabels()
      this.root.dataset.run = this.frame.run
      this.root.dataset.painted = ++this.painted
    })
  }

  traces() {
    return this.frame.curves.map((curve) => ({
      type: "scatter",
      mode: "lines",
      name: "%{meta[0]}", // not the name itself, in which Plotly would replace %{...}
      meta: [plotlyText(curve.name), curve.note && `<br>${plotlyText(curve.note)}`],
      x: curve.x,
      y: curve.y,
      opacity: curve.ghost ? 0.45 : 1,
      visible: !this.hidden.has(curve.name),
      line: { color: curve.colour, dash: curve.dash, width: (curve.ghost ? 1.5 : 2.25) * this.theme.scale },
      hoverlabel: { bordercolor: curve.colour },
      hovertemplate: "%{meta[0]}<br>%{x:,.7~r} : <b>%{y:.4~g}</b>%{meta[1]}<extra></extra>",
    }))
  }

  layout(width, column) {
    const { options, theme } = this
    const axis = (log, title, ticks) => ({
      type: log ? "log" : "linear",
      uirevision: `${log}`,
      title: { text: title, standoff: 8, font: { size: theme.size } },
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
    const [clipmin, clipmax] = options.yClip
    yaxis.autorangeoptions = { clipmin, clipmax }
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
      ["zoom2d", "pan2d", "resetScale2d"],
    ]
    return { displaylogo: false, modeBarButtons: this.buttons, doubleClick: "reset" }
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
    }
  }

  label(curve) {
    const item = document.createElement("li")
    item.hidden = curve.ghost // it has the colour and dash of the curve that it is compared with
    const button = element("button", "", item)
    button.type = "button"
    button.title = `${curve.name}: show or hide`
    const swatch = svg("svg", button)
    swatch.setAttribute("aria-hidden", "true")
    const line = svg("line", swatch)
    const style = { x1: 0, x2: "100%", y1: "50%", y2: "50%", stroke: curve.colour, "stroke-width": curve.ghost ? 1.5 : 2.5 }
    style["stroke-dasharray"] = curve.dash.includes("px") ? curve.dash : (DASHES[curve.dash] ?? "none")
    for (const [name, value] of Object.entries(style)) line.setAttribute(name, value)
    element("span", "", button).textContent = curve.name
    button.onclick = () => {
      if (!this.hidden.delete(curve.name)) this.hidden.add(curve.name)
      this.schedule()
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

  // Put each label at the height of its curve's end, moved apart where they would overlap, and join the two.
  joinLabels() {
    this.leaders.replaceChildren()
    if (!this.beside) return
    const { xaxis, yaxis, _size: size } = this.plot._fullLayout
    const right = size.l + size.w
    const bottom = size.t + size.h
    const labelled = this.frame.curves.map((curve, i) => [curve, i]).filter(([curve]) => !curve.ghost)
    const ends = labelled.map(([curve, i]) => {
      const last = this.lastVisible(curve)
      const end = { item: this.labels.children[i], curve, x: right, y: bottom, drawn: false }
      if (last < 0) return end
      const x = xaxis._offset + xaxis.d2p(curve.x[last])
      const y = yaxis._offset + yaxis.d2p(curve.y[last])
      const drawn = !this.hidden.has(curve.name) && x >= size.l && x <= right + 1 && y >= size.t && y <= bottom
      return { ...end, x: Math.min(x, right), y: Math.min(Math.max(y, size.t), bottom), drawn }
    })
    ends.sort((a, b) => a.y - b.y)
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

  lastVisible({ x, y }) {
    const shown = (value, log) => Number.isFinite(value) && (!log || value > 0)
    let last = x.length - 1
    while (last >= 0 && !(shown(x[last], this.options.xLog) && shown(y[last], true))) last--
    return last
  }
}

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
    curve.x = values.subarray(at, (at += curve.points))
    curve.y = values.subarray(at, (at += curve.points))
  }
  return frame
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

function readTheme(parent) {
  const css = getComputedStyle(parent)
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize)
  const text = css.getPropertyValue("--st-text-color").trim()
  return {
    text,
    background: css.getPropertyValue("--st-background-color").trim(),
    family: css.getPropertyValue("--st-font").trim(),
    grid: "rgba(127,135,148,0.25)",
    faint: "rgb(127,135,148)",
    size: 0.875 * rem,
    scale: rem / 16,
  }
}

function element(tag, className, parent) {
  const made = document.createElement(tag)
  made.className = className
  parent.append(made)
  return made
}

function svg(tag, parent) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag)
  parent.append(made)
  return made
}
