// While a hand moves a slider: the curves of what it says, of a short run that comes through the stream, each drawn when it is
// whole.  When the hand lets go the script has the word again.

class Glances {
  constructor(chart) {
    this.chart = chart
    this.words = element("p", "live-chart-glance", chart.root)
    this.hand = new Hand(this)
  }

  get sliders() {
    return this.chart.player.feed ? this.chart.options.sliders : []
  }

  taken() {
    clearTimeout(this.ending)
  }

  moved(choices) {
    this.chart.player.glance(choices)
  }

  released() {
    if (this.chart.player.glancing) this.ending = setTimeout(() => this.chart.player.look(), ANSWER) // nothing has changed
  }

  // What a glance is drawn into: the curves' names and looks, nothing that was said of other values.
  begin() {
    const { chart } = this
    this.kept = chart.frame
    this.words.textContent = chart.options.glance
    const curves = chart.frame.curves.filter(({ trial }) => !trial).map((curve) => ({ ...curve }))
    chart.frame = { ...chart.frame, curves, flags: [], bracket: null }
    chart.root.classList.add("glancing")
  }

  // The script's word: `frame` is what is shown from now on.
  end(frame = this.kept) {
    if (!this.kept) return
    clearTimeout(this.ending)
    this.kept = undefined
    this.chart.frame = frame
    this.chart.root.classList.remove("glancing")
  }

  destroy() {
    this.hand.destroy()
    clearTimeout(this.ending)
  }
}
