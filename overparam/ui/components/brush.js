// How sketch.js draws parts of traces, as Plotly does: cells, lines of equal value, markers.

const PACKED = { f4: Float32Array, f8: Float64Array, i1: Int8Array, i2: Int16Array, i4: Int32Array }

// Numbers of a trace: a list, or packed.
function numbers(given) {
  return given.bdata ? new PACKED[given.dtype](bytes(given.bdata).buffer) : given.flat()
}

const each = (given, i) => (Array.isArray(given) ? given[i] : given)

// To pixels. Plotly's own way takes a category called "1" for a place.
function placed(axis) {
  const { type, _offset: offset, _categories: names } = axis
  return type === "category" ? (name) => offset + axis.l2p(names.indexOf(name)) : (value) => offset + axis.d2p(value)
}

// Where the cells at these places begin and end.
function outermost(places) {
  const half = (places[1] - places[0]) / 2
  return [places[0] - half, places.at(-1) + half]
}

function way(x, y) {
  const path = new Path2D()
  let down = false
  for (let i = 0; i < x.length; i++) {
    const seen = Number.isFinite(x[i] + y[i])
    if (seen) path[down ? "lineTo" : "moveTo"](x[i], y[i])
    down = seen
  }
  return path
}

// Cells of their own, with gaps between them.
function squares(g, { x, y, z, zmin, zmax, colorscale, xgap = 0, ygap = 0 }, across, up) {
  const colour = coloured(colorscale, zmin, zmax), columns = Array.from(numbers(x), placed(across)), rows = Array.from(numbers(y), placed(up))
  const [width, height] = [across, up].map(({ _length, range: [from, to] }) => _length / Math.abs(to - from))
  for (const [i, value] of numbers(z).entries()) {
    const [red, green, blue, alpha] = new Uint8Array(Uint32Array.of(colour(value)).buffer)
    g.fillStyle = `rgba(${red}, ${green}, ${blue}, ${alpha / 255})`
    const left = columns[i % columns.length] - width / 2, top = rows[Math.floor(i / columns.length)] - height / 2
    g.fillRect(left + xgap / 2, top + ygap / 2, width - xgap, height - ygap)
  }
}

// Lines of equal value: in each cell the level goes straight from side to side.
function levelLines({ x, y, z, contours }, across, up) {
  const columns = Array.from(numbers(x), placed(across)), rows = Array.from(numbers(y), placed(up)), values = numbers(z)
  const path = new Path2D(), wide = columns.length
  for (let row = 0; row + 1 < rows.length; row++) for (let column = 0; column + 1 < wide; column++) {
    const i = row * wide + column, corners = [i, i + 1, i + wide + 1, i + wide]
    const at = corners.map((corner) => values[corner]), low = Math.min(...at), high = Math.max(...at)
    const first = Math.max(0, Math.ceil((low - contours.start) / contours.size))
    for (let level = contours.start + first * contours.size; level <= Math.min(high, contours.end); level += contours.size) {
      let down = false
      for (let side = 0; side < 4; side++) {
        const next = (side + 1) % 4, [a, b] = [at[side], at[next]]
        if (a > level === b > level) continue
        const share = (level - a) / (b - a), between = (from, to) => from + share * (to - from)
        const [one, other] = [corners[side], corners[next]]
        const px = between(columns[one % wide], columns[other % wide])
        path[down ? "lineTo" : "moveTo"](px, between(rows[Math.floor(one / wide)], rows[Math.floor(other / wide)]))
        down = !down
      }
    }
  }
  return path
}

// The colour of a value on a scale, as a pixel; none of what is no number.
function coloured(scale, low, high) {
  const name = JSON.stringify(scale)
  if (!scales.has(name)) {
    const canvas = Object.assign(document.createElement("canvas"), { width: 256, height: 1 }), g = canvas.getContext("2d")
    g.fillStyle = g.createLinearGradient(0, 0, 256, 0)
    for (const [at, colour] of scale) g.fillStyle.addColorStop(at, colour)
    g.fillRect(0, 0, 256, 1)
    scales.set(name, new Uint32Array(g.getImageData(0, 0, 256, 1).data.buffer))
  }
  const colours = scales.get(name)
  return (value) => colours[Math.min(255, Math.max(0, Math.round((255 * (value - low)) / (high - low))))] ?? 0
}

const scales = new Map()

function mark(g, { symbol = "circle", size, color, angle, line }, i, x, y) {
  g.save()
  g.translate(x, y)
  g.rotate(((each(angle, i) ?? 0) * Math.PI) / 180)
  const path = new Path2D(SYMBOLS[symbol](each(size, i) / 2))
  g.fillStyle = g.strokeStyle = each(color, i)
  if (symbol.endsWith("-open")) {
    g.lineWidth = line?.width ?? 1
    g.stroke(path)
  } else g.fill(path)
  g.restore()
}

// Symbols as Plotly draws them, by half their size.
const SYMBOLS = {
  circle: (r) => `M${r},0A${r},${r} 0 1,1 0,${-r}A${r},${r} 0 0,1 ${r},0Z`,
  "cross-thin-open": (r) => `M0,${1.4 * r}V${-1.4 * r}M${1.4 * r},0H${-1.4 * r}`,
  "line-ew-open": (r) => `M${1.4 * r},0H${-1.4 * r}`,
  arrow: (r) => `M0,0L${-0.618 * r},${1.902 * r}H${0.618 * r}Z`,
}
