// A frame is what is known of the curves and their marks: of a snapshot, or of what came through the stream.

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

// A recorded curve in the units of the axes. What diverges leaves the picture upwards, from where it was last (see `as_drawn` in
// figures/race.py); zero and rounding below it are no gaps.
function recorded({ samples, iteration, values, tips }, i, options) {
  const onward = iteration > SAMPLED[samples - 1], count = samples + onward
  const lx = new Float64Array(count), ly = new Float64Array(count)
  const top = Math.log10(options.yClip[1])
  let lost = false
  for (let j = 0; j < count; j++) {
    const value = j < samples ? values[i][j] : tips[i]
    lx[j] = along(j < samples ? SAMPLED[j] : iteration, options)
    const gone = lost ? Number.NaN : Math.max(top, ly[j - 1] ?? top)
    ly[j] = Number.isNaN(value) ? gone : Math.log10(Math.min(LARGEST, Math.max(value, FLOOR)))
    lost ||= Number.isNaN(value)
  }
  const x = lx.map(options.xLog ? (at) => 10 ** at : Number), y = ly.map((gap) => 10 ** gap)
  return { lx, ly, x, y }
}

function bytes(base64) {
  const text = atob(base64), found = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) found[i] = text.charCodeAt(i) // ten times as fast as Uint8Array.from
  return found
}

const FLOOR = 1e-16, LARGEST = 1e38 // rounding can take a gap to zero or below; float32 ends
