// A figure while a hand moves it: axes, colour scale and legend are Plotly's, the traces are drawn on a canvas above them, at a tenth
// of Plotly's cost.  Only what figures that follow a hand are made of; any other stays Plotly's.

const COMMON = "type name xaxis yaxis opacity cliponaxis showlegend showscale colorbar hovertemplate hoverinfo customdata"
const MARKER = "marker.symbol marker.size marker.color marker.angle marker.line"
const DRAWN = {
  heatmap: "x y z zmin zmax colorscale zsmooth xgap ygap",
  contour: "x y z zmin zmax colorscale contours line.color line.width",
  bar: "x y marker.color text textposition constraintext",
  scatter: `x y mode fill fillcolor line.color line.width line.dash text textposition textfont ${MARKER}`,
}
const PACE = 250 // milliseconds
const PAD = 3 // pixels between a bar and its number

// Whether all of a figure is drawn here. Of axes that take their range from the traces nothing is known.
function sketchable({ data, layout }, root) {
  return axesOf(layout).every((name) => layout[name].range && root._fullLayout[name]) && data.every((trace) => {
    const own = Object.entries(trace).flatMap(([name, part]) =>
      name === "marker" || name === "line" ? Object.keys(part).map((each) => `${name}.${each}`) : name)
    const { type, mode = "", marker, fill = "toself", textposition, zmin, contours } = trace
    return own.every((name) => `${COMMON} ${DRAWN[type]}`.split(" ").includes(name)) && ["toself", "tozeroy"].includes(fill) &&
      (!mode.includes("markers") || (marker.symbol ?? "circle") in SYMBOLS) && (type !== "bar" || textposition === "outside") &&
      (!trace.z || zmin !== undefined) && (!contours || contours.coloring === "heatmap")
  })
}

function axesOf(layout) {
  return Object.keys(layout).filter((name) => /^[xy]axis/.test(name))
}

// What Plotly needs for the legend, the colour scale and the axes: of a map its first cell, unseen, of other traces no point.
function hollow(traces) {
  const first = (places) => numbers(places).slice(0, 1)
  return traces
    .filter(({ z, showlegend, xaxis }) => z || xaxis || showlegend !== false)
    .map((trace) => (trace.z ? { ...trace, type: "heatmap", x: first(trace.x), y: first(trace.y), z: [[0]], opacity: 0 } : { ...trace, x: [null], y: [null] }))
}

// The axes keep their places: to find them takes Plotly most of its time.
function steady(layout, domains) {
  const kept = { ...layout }
  for (const [name, domain] of Object.entries(domains)) {
    const { scaleanchor, constrain, constraintoward, ...axis } = layout[name]
    kept[name] = { ...axis, domain, range: [...axis.range] } // Plotly writes into it what a person has zoomed
  }
  return kept
}

class Sketch {
  constructor(root) {
    this.root = root
    this.canvas = element("canvas", "plot-sketch", root)
    root.querySelector(".plot-container").after(this.canvas) // whatever else lies over the plot lies over it, too
    this.rest()
  }

  // All is Plotly's again, which draws next.
  rest() {
    clearTimeout(this.renewing)
    this.renewing = this.beside = this.ranges = undefined
    this.traces = []
  }

  // The axes go with the traces; the numbers at the colour scale, which cost more than all of this, come after at their own pace.
  async show(traces, layout, config) {
    this.traces = traces
    this.figure = { data: hollow(traces), layout, config }
    const before = this.ranges, ranges = Object.fromEntries(axesOf(layout).map((name) => [`${name}.range`, layout[name].range]))
    this.ranges = JSON.stringify(ranges)
    if (!this.beside) return this.begin()
    if (this.besides() !== this.beside) this.renewing ??= setTimeout(() => this.renew(), PACE)
    if (this.ranges === before) this.draw() // also where a person has zoomed
    else await Plotly.relayout(this.root, ranges)
  }

  async begin() {
    const { _fullLayout: full } = this.root
    this.domains = Object.fromEntries(axesOf(this.figure.layout).map((name) => [name, [...full[name].domain]]))
    await this.renew() // Plotly first takes an axis that is bound no more to where it was before
    await this.renew()
  }

  // What of the figure is neither trace nor range of an axis.
  besides() {
    const { data, layout } = this.figure
    return JSON.stringify([data, layout], (name, part) => (name === "range" ? undefined : part))
  }

  renew() {
    const { root, figure } = this
    this.renewing = undefined
    this.beside = this.besides()
    return Plotly.react(root, { ...figure, layout: steady(figure.layout, this.domains) })
  }

  // Also whenever Plotly has drawn.
  draw() {
    const { _fullLayout: full } = this.root, g = clean(this.canvas, full.width, full.height)
    const axis = (name) => full[name.replace(/^[xy]/, "$&axis")]
    for (const trace of this.traces) {
      const across = axis(trace.xaxis ?? "x"), up = axis(trace.yaxis ?? "y")
      g.save()
      g.globalAlpha = trace.opacity ?? 1
      if (trace.cliponaxis !== false) {
        g.beginPath()
        g.rect(across._offset, up._offset, across._length, up._length)
        g.clip()
      }
      this[trace.type](g, trace, across, up)
      g.restore()
    }
  }

  heatmap(g, trace, across, up) {
    if (trace.zsmooth) this.smooth(g, trace, across, up)
    else squares(g, trace, across, up)
  }

  contour(g, trace, across, up) {
    this.smooth(g, trace, across, up)
    Object.assign(g, { strokeStyle: trace.line.color, lineWidth: trace.line.width })
    g.stroke(levelLines(trace, across, up))
  }

  smooth(g, { x, y, z, zmin, zmax, colorscale }, across, up) {
    const columns = numbers(x), rows = numbers(y), colour = coloured(colorscale, zmin, zmax)
    const image = new ImageData(columns.length, rows.length), pixels = new Uint32Array(image.data.buffer)
    for (const [i, value] of numbers(z).entries()) {
      const row = rows.length - 1 - Math.floor(i / columns.length) // the first is the lowest
      pixels[row * columns.length + (i % columns.length)] = colour(value)
    }
    this.cells ??= document.createElement("canvas")
    Object.assign(this.cells, { width: columns.length, height: rows.length })
    this.cells.getContext("2d").putImageData(image, 0, 0)
    const [left, right] = outermost(columns).map(placed(across)), [bottom, top] = outermost(rows).map(placed(up))
    g.drawImage(this.cells, left, top, right - left, bottom - top)
  }

  bar(g, { x, y, marker, text }, across, up) {
    const half = ((1 - this.figure.layout.bargap) * across._length) / (across.range[1] - across.range[0]) / 2
    const zero = placed(up)(0), middles = Array.from(x, placed(across))
    for (const [i, value] of numbers(y).entries()) {
      const end = placed(up)(value)
      g.fillStyle = each(marker.color, i)
      g.fillRect(middles[i] - half, Math.min(zero, end), 2 * half, Math.abs(zero - end))
      const [side, pad] = value < 0 ? ["bottom center", PAD] : ["top center", -PAD]
      this.write(g, each(text, i), middles[i], end + pad, side)
    }
  }

  scatter(g, { mode, fill, fillcolor, line, marker, text, textposition, textfont, ...places }, across, up) {
    const x = Array.from(numbers(places.x), placed(across)), y = Array.from(numbers(places.y), placed(up))
    const path = way(x, y)
    if (fill) {
      const ground = placed(up)(0)
      g.fillStyle = fillcolor
      g.fill(fill === "toself" ? path : way([x[0], ...x, x.at(-1)], [ground, ...y, ground]))
    }
    if (mode.includes("lines")) {
      Object.assign(g, { strokeStyle: line.color, lineWidth: line.width ?? 2, lineJoin: "round" })
      g.setLineDash(dashes(line.dash ?? ""))
      g.stroke(path)
      g.setLineDash([])
    }
    const seen = mode === "none" || mode === "lines" ? [] : x.keys()
    for (const i of seen) {
      if (!Number.isFinite(x[i] + y[i])) continue
      if (mode.includes("markers")) mark(g, marker, i, x[i], y[i])
      if (mode.includes("text")) this.write(g, each(text, i), x[i], y[i], each(textposition, i), textfont, each(marker?.size, i))
    }
  }

  // Text where Plotly has it: beside a marker of that size.
  write(g, text, x, y, position, font, marker) {
    if (!text) return
    const { family, size, color } = { ...this.root._fullLayout.font, ...font }
    const aside = marker ? marker / 1.6 + 1 : 0, [upward, sideways] = (position ?? "middle center").split(" ")
    const v = ["top", "middle", "bottom"].indexOf(upward) - 1, h = ["left", "center", "right"].indexOf(sideways) - 1
    g.font = `${text.includes("<b>") ? "bold " : ""}${size}px ${family}`
    g.fillStyle = color
    g.textAlign = ["right", "center", "left"][h + 1]
    g.fillText(text.replace(/<\/?b>/g, ""), x + h * aside, y + v * aside + (0.25 + v / 2) * size)
  }
}
