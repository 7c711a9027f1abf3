// Plays a run in the browser: keeps the place that is shown, has as much computed as is wanted, and tells the script now and then
// where it stands.  The script's word comes with every snapshot; see Feed in live_chart.py.

class Player {
  place = 0 // iteration
  recording = new Recording()
  viewers = 1 // of the server, about

  // changed(): there is more to draw; tell(place): to the script.
  constructor(changed, tell) {
    this.changed = changed
    this.tell = tell
    this.shown = () => this.want()
    document.addEventListener("visibilitychange", this.shown)
  }

  follow(feed) {
    const before = this.feed, other = feed?.key !== before?.key
    this.feed = feed
    if (!feed) return this.leave()
    if (this.started && !other && !feed.playing) return // the script has not heard of the start
    const ordered = !feed.playing || feed.token !== before?.token
    if (ordered && !(this.started && feed.playing)) this.place = feed.position
    this.forget()
    this.stands &&= !ordered
    this.playing = feed.playing && !this.stands
    if (other) this.recording = new Recording()
    if (!this.stream) this.stream = this.connect(feed)
    else if (other) this.look()
    this.want()
    if (!this.playing) this.telling = clearTimeout(this.telling)
    else this.reportIn(feed.pace * (0.5 + Math.random() / 2))
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

  // Seconds over which a hall says what it would say together.
  get spread() {
    return Math.max(0, this.viewers * this.feed.each - ATONCE)
  }

  step(now) {
    const passed = Math.min(0.1, Math.max(0, (now - (this.last ?? now)) / 1000))
    this.last = this.moves ? now : undefined
    if (this.moves) this.place = glided(this.place, this.goal, passed)
    if (!this.playing || this.place < this.feed.limit) return
    this.playing = false // all is seen; a hall does not say so at once
    this.want()
    if (this.started) return
    this.reportIn(Math.random() * this.spread)
  }

  // Run is about to be pressed: play at once, and in a hall let the script hear of it later, not from everybody together.
  // press(): for then. Returns whether it is to hear of it later.
  start(press) {
    const { limit } = this.feed, { spread } = this
    if (this.place >= limit) this.place = 0
    this.started = this.playing = true
    this.want()
    this.changed()
    if (spread === 0) return false
    this.pending = setTimeout(() => {
      this.pending = undefined
      this.report({ early: Date.now() })
      if (this.place < limit) press()
      else this.started = false // all is seen by now
    }, 1000 * Math.random() * spread)
    return true
  }

  // A button is about to be pressed that means the place: the script hears of it first. Where the button ends the play, stay
  // here until it has. Returns whether a start that the script has not heard of is taken back by it.
  pressed(ends, starts) {
    const unheard = this.pending !== undefined
    this.stands = ends && !unheard
    this.playing &&= !ends
    this.want()
    this.report(this.started && { early: Date.now() })
    if (ends) this.forget()
    return unheard && starts
  }

  forget() {
    this.started = false
    this.pending = clearTimeout(this.pending)
  }

  // Not while the script answers something else, nor right after it: with the place it hears what every control says, and a box
  // that follows a slider would still say what stood there before.
  reportIn(seconds, looks = 1) {
    clearTimeout(this.telling)
    this.telling = setTimeout(() => {
      const rests = document.querySelector('[data-test-script-state="notRunning"]') !== null
      if (rests && looks === 1) this.report()
      else this.reportIn(AGAIN, rests ? looks - 1 : 2)
    }, 1000 * seconds)
  }

  report(more) {
    this.telling = clearTimeout(this.telling)
    if (this.playing) this.reportIn(this.feed.pace)
    this.tell({ token: this.feed.token, at: Math.floor(this.place), ...more })
  }

  // The run cannot go on here: the script says why, or has another key.
  fail() {
    this.forget()
    this.report({ again: Date.now() })
  }

  want() {
    const until = this.playing && !document.hidden ? this.feed.limit : -1
    if (until !== this.until && this.stream?.send({ until }) !== false) this.until = until
  }

  look() {
    this.until = this.playing && !document.hidden ? this.feed.limit : -1
    this.stream.send({ key: this.feed.key, until: this.until })
  }

  connect({ address }) {
    const url = appUrl(address)
    url.protocol = url.protocol.replace("http", "ws")
    return connection(url, {
      opened: () => {
        this.recording = new Recording()
        this.look()
      },
      said: (data) => this.receive(data),
      over: (code) => {
        this.stream = undefined
        if (code === UNKNOWN) setTimeout(() => this.feed && this.fail(), 1000) // the script has another key
      },
    })
  }

  receive(data) {
    if (typeof data === "string") {
      const { viewers } = JSON.parse(data)
      if (viewers) this.viewers = viewers
      else this.fail()
      return
    }
    const searching = this.recording.comparing
    this.recording.receive(data)
    if (searching && !this.recording.comparing && this.plays) this.place = 0 // the search is over: now the race
    this.changed()
  }

  leave() {
    this.forget()
    this.stream?.close()
    this.stream = undefined
    this.telling = clearTimeout(this.telling)
  }

  destroy() {
    this.leave()
    document.removeEventListener("visibilitychange", this.shown)
  }
}

const ATONCE = 0.4, AGAIN = 0.2 // seconds
const UNKNOWN = 4004 // this key
