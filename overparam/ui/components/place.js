// What moves in a live chart: the place that is shown along the x axis, and the range of the y axis.

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

const GLIDE = 0.07 // seconds in which the place closes in by a factor of e
const EASE = 350 // milliseconds of a change of the axis
