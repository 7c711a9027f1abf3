// Gradient descent on the two-coordinate problem by the end-to-end rule (Claim 2), each depth with the step size that serves
// six starts best: what overparam/measure/illustration.py computes, here fast enough to follow a hand.
//
// problem: { p, even, of the loss; goal, the loss that counts as arrived; horizon, iterations; grid, step sizes; factors and reach, of the
// starts nearby }

// The start and those near it that its step size must serve, too.
function startsNear(start, target, { factors, reach }) {
  const near = (factor) => start.map((w, i) => {
    const most = reach * Math.abs(target[i])
    return w + Math.min(most, Math.max(-most, (factor - 1) * w))
  })
  return factors.map(near)
}

// One run of at most so many iterations: the first with a loss below the goal, Infinity where there is none; and its last loss.
// What it passes is written into `way`, if there is one.
function descend([a, b], [y1, y2], eta, depth, { p, goal }, most, way) {
  let loss
  for (let t = 0; t <= most; t++) {
    const r = a - y1, s = b - y2
    let g = r, h = s // the gradient, r^(p-1) and s^(p-1): p is even
    for (let k = 2; k < p; k++) {
      g *= r
      h *= s
    }
    loss = (g * r + h * s) / p
    way?.push([a, b, loss])
    if (loss < goal) return { count: t, loss }
    if (!Number.isFinite(loss)) return { count: Infinity, loss: Infinity }
    const square = a * a + b * b
    const factor = eta * square ** (1 - 1 / depth)
    const along = square > 0 ? ((depth - 1) * (g * a + h * b)) / square : 0
    a -= factor * (g + along * a)
    b -= factor * (h + along * b)
  }
  return { count: Infinity, loss }
}

// The step size that brings a depth to the goal first from the slowest of its starts; where none arrives from all of them, the
// one whose largest loss at the horizon is least.  `first`: the place in the grid to try first, the best one of a moment ago.
function bestStep(start, target, depth, problem, first) {
  const { grid, horizon } = problem
  const starts = startsNear(start, target, problem), short = []
  let best = -1, least = horizon
  const attempt = (i) => {
    let slowest = 0
    for (const each of starts) {
      const { count, loss } = descend(each, target, grid[i], depth, problem, least)
      if (count > least) return short.push({ i, loss })
      slowest = Math.max(slowest, count)
    }
    if (slowest < least || best < 0 || i < best) [best, least] = [i, slowest]
  }
  attempt(first)
  for (const i of grid.keys()) if (i !== first) attempt(i)
  return best < 0 ? nearestStep(starts, target, depth, problem, short) : best
}

// short: { i, loss } for each step size, the loss at the horizon from the first start that does not arrive.
function nearestStep(starts, target, depth, problem, short) {
  let best = 0, least = Infinity
  for (const { i, loss } of short.sort((one, other) => one.loss - other.loss || one.i - other.i)) {
    if (loss >= least) break // and so is the largest of its losses
    const ends = starts.map((each) => descend(each, target, problem.grid[i], depth, problem, problem.horizon).loss)
    if (Math.max(...ends) < least) [best, least] = [i, Math.max(...ends)]
  }
  return best
}

// The run with the best step size: its place in the grid, the iterations to the goal (null where the step size does not bring
// all starts there) and the way, one [w_1, w_2, loss] before each iteration.
function tunedDescent(start, target, depth, problem, first) {
  const step = bestStep(start, target, depth, problem, first), eta = problem.grid[step]
  const serves = startsNear(start, target, problem).every(
    (each) => descend(each, target, eta, depth, problem, problem.horizon).count <= problem.horizon)
  const way = []
  descend(start, target, eta, depth, problem, problem.horizon, way)
  return { step, iterations: serves ? way.length - 1 : null, way }
}
