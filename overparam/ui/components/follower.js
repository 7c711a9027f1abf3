// While a hand moves a slider: the picture of what it says, asked of the server, one at a time, always of the latest.  When the
// hand lets go the script has the word again.  See `Follow` in plot.py.

class Follower {
  // draw(figure): show it meanwhile; back(): show the script's own picture.
  constructor(root, draw, back) {
    Object.assign(this, { root, draw, back })
    this.hand = new Hand(this)
  }

  get sliders() {
    return this.follow?.sliders ?? []
  }

  // Whether a picture of the script's is to wait.
  get holds() {
    return Boolean(this.hand.holds && this.ahead)
  }

  taken() {
    clearTimeout(this.ending)
  }

  moved(choices) {
    this.wanted = choices
    if (!this.asking) this.ask()
  }

  async ask() {
    this.asking = true
    let drawn // while one is drawn the next is asked for
    while (this.wanted) {
      const { address, query } = this.follow, url = appUrl(address)
      url.search = new URLSearchParams({ ...query, ...this.wanted })
      this.wanted = undefined
      const answer = await fetch(url).catch(() => ({})) // no server: nothing follows
      const figure = answer.ok && (await answer.text())
      if (!this.hand.holds) break
      this.show(true, !figure)
      await drawn
      if (figure) drawn = this.draw(figure).then(() => this.drawn())
    }
    this.asking = false
  }

  drawn() {
    this.root.dataset.followed = Number(this.root.dataset.followed ?? 0) + 1
  }

  // refused: there is no picture of these choices.
  show(ahead, refused = false) {
    this.ahead = ahead
    this.root.classList.toggle("ahead", ahead)
    this.root.classList.toggle("refused", refused)
    document.documentElement.toggleAttribute("data-ahead", Boolean(document.querySelector(".plot.ahead")))
  }

  released() {
    this.wanted = undefined
    if (this.ahead) this.ending = setTimeout(() => this.hand.returned && this.back(), SETTLED)
  }

  // The script's word.
  end() {
    clearTimeout(this.ending)
    this.show(false)
  }

  destroy() {
    this.wanted = undefined
    this.end()
    this.hand.destroy()
  }
}

const SETTLED = 100 // milliseconds in which a slider comes to rest
