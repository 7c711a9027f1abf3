// Plays a run in the browser: keeps the place that is shown, has as much computed as is wanted, and says through the stream which
// iteration it shows.  What is played is the script's word, which comes with every snapshot; see Feed in live_chart.py.

class Player {
  place = 0 // iteration
  recording = new Recording()
  playing = false
  glancing = false // at short runs of what a hand says
  started = false // before the script has heard of it
  viewers = 1 // of the server, about

  // changed(): there is more to draw.
  constructor(changed) {
    this.changed = changed
  }

  // Whether the place is this one's business.
  get plays() {
    return Boolean(this.feed?.playing || this.started)
  }

  get moves() {
    return this.playing && this.place < this.goal
  }

  get goal() {
    return this.recording.run === this.feed.run ? Math.min(this.recording.iteration, this.feed.limit) : 0
  }

  follow(feed) {
    const before = this.feed, other = feed?.key !== before?.key
    this.feed = feed
    if (!feed) return this.leave()
    if (other) {
      this.recording = new Recording()
      this.glancing = false
    }
    if (!this.stream) this.stream = this.connect(feed)
    else if (other) this.look()
    if (this.started && !other && !feed.playing && feed.position !== Math.floor(this.place)) return // it has not heard of the start
    if (!feed.playing || feed.order !== before?.order) {
      if (!this.started || other) this.place = feed.position
      this.forget()
      this.playing = feed.playing
      if (this.playing) this.report()
    }
    this.want()
  }

  forget() {
    this.started = false
    clearTimeout(this.pending)
    this.pending = undefined
    clearTimeout(this.holding)
  }

  // Run is about to be pressed: in a hall play at once, and let the script hear of it later, not of all together.
  // press(): for then. Returns whether it is to hear of it later.
  start(press) {
    const spread = EACH * (this.viewers - 1)
    if (!this.feed || spread < ATONCE) return false
    if (this.place >= this.feed.limit) this.place = 0
    this.started = this.playing = true
    this.press = press
    this.pressWithin(spread)
    this.report()
    this.want()
    this.changed()
    return true
  }

  pressWithin(spread) {
    clearTimeout(this.pending)
    this.pending = setTimeout(() => {
      this.pending = undefined
      this.press()
    }, spread * Math.random())
  }

  // A key or a button is about to say that the place matters: stay here until the script has answered.  Returns whether it need
  // not hear of it, as it has not heard of the start.
  hold() {
    if (!this.playing) return false
    this.playing = false
    this.report()
    this.want()
    if (this.started) {
      clearTimeout(this.pending)
      return true
    }
    this.holding = setTimeout(() => {
      this.playing = this.plays
      this.want()
      this.changed()
    }, ANSWER + 10 * this.viewers)
    return false
  }

  step(now) {
    const passed = Math.min(0.1, Math.max(0, (now - (this.last ?? now)) / 1000))
    this.last = this.moves ? now : undefined
    if (this.moves) this.place = glided(this.place, this.goal, passed)
    if (!this.playing || this.place < this.feed.limit || this.recording.comparing) return
    this.playing = false
    if (this.pending) this.pressWithin(ATREST * (this.viewers - 1)) // no frames to leave time for any more
    this.report()
    this.want()
  }

  report() {
    clearTimeout(this.telling)
    this.stream?.send({ order: this.feed.order, at: Math.floor(this.place) })
    if (this.playing) this.telling = setTimeout(() => this.plays && this.report(), Math.max(SAY, 2 * this.viewers))
  }

  want() {
    const until = this.playing ? this.feed.limit : -1
    if (until !== this.until && this.stream?.send({ until }) !== false) this.until = until
  }

  // A hand moves a control: one run at a time, always of the latest that it says.
  glance(asked) {
    if (!this.stream || this.playing) return
    this.asked = asked
    if (!this.waiting) this.ask()
  }

  ask() {
    clearTimeout(this.waiting)
    this.waiting = undefined
    if (!this.asked) return
    this.stream.send({ glance: this.asked })
    this.asked = undefined
    this.glancing = true
    this.waiting = setTimeout(() => this.ask(), GLANCE)
  }

  look() {
    if (this.glancing) {
      this.glancing = false
      this.recording = new Recording()
      this.changed()
    }
    this.until = this.playing ? this.feed.limit : -1
    this.stream.send({ key: this.feed.key, until: this.until })
  }

  connect({ address }) {
    const url = appUrl(address)
    url.protocol = url.protocol.replace("http", "ws")
    return connection(url, {
      opened: () => {
        this.recording = new Recording()
        this.look()
        if (this.plays) this.report() // its last word may have been lost
      },
      said: (data) => this.receive(data),
      over: () => { this.stream = undefined }, // the script's next snapshot has another key
    })
  }

  receive(data) {
    if (typeof data === "string") {
      this.viewers = JSON.parse(data).viewers ?? this.viewers // that a run failed is the script's to say
      return
    }
    const searching = this.recording.comparing
    this.recording.receive(data)
    if (this.glancing) {
      if (!this.recording.finished) return
      this.changed()
      return this.ask()
    }
    if (searching && !this.recording.comparing && this.plays) this.place = 0 // the search is over: now the race
    this.changed()
  }

  leave() {
    this.stream?.close()
    this.stream = undefined
    this.playing = false
    this.forget()
    clearTimeout(this.telling)
    clearTimeout(this.waiting)
  }

  destroy() {
    this.leave()
    this.feed = undefined
  }
}

const SAY = 100, ANSWER = 1500, GLANCE = 300 // milliseconds
// milliseconds between two presses of Run, so that scripts leave time for frames, and once the curves are there; for all together
const EACH = 120, ATREST = 25, ATONCE = 800
