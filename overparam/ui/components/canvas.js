// Drawing curves on a canvas over a plot of Plotly's.

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

const DASHES = { dot: "3px,3px", dash: "9px,9px", longdash: "15px,15px", dashdot: "9px,3px,3px,3px" }
