// While a hand moves a slider beside the chart: the curves of what it says, of a short run that comes through the stream, each
// drawn when it is whole.  When the hand lets go the script has the word again.

class Hand {
  constructor(chart) {
    this.chart = chart
    this.moves = new MutationObserver(() => this.follow())
    this.down = (event) => this.take(event)
    this.up = () => this.release()
    document.addEventListener("pointerdown", this.down, true)
    for (const end of ["pointerup", "pointercancel"]) addEventListener(end, this.up, true)
    this.words = element("p", "live-chart-glance", chart.root)
  }

  take({ target }) {
    const slider = this.chart.options.sliders.find(({ css }) => target.closest?.(css))
    if (!slider || !this.chart.player.feed) return
    clearTimeout(this.ending)
    const box = target.closest(slider.css)
    this.thumb = box.querySelector("input[type=range]")
    this.says = slider.says
    this.value = this.thumb.value
    this.words.textContent = this.chart.options.glance
    this.moves.observe(box, { attributes: true, attributeFilter: ["style"], subtree: true }) // the thumb's place
  }

  follow() {
    const { value } = this.thumb
    if (value === this.value) return
    this.value = value
    if (value in this.says) this.chart.player.glance(this.says[value])
  }

  // What a glance is drawn into: the curves' names and looks, nothing that was said of other values.
  begin() {
    const { chart } = this
    this.kept = chart.frame
    const curves = chart.frame.curves.filter(({ trial }) => !trial).map((curve) => ({ ...curve }))
    chart.frame = { ...chart.frame, curves, flags: [], bracket: null }
    chart.root.classList.add("glancing")
  }

  release() {
    if (!this.thumb) return
    this.moves.disconnect()
    this.thumb = undefined
    if (this.chart.player.glancing) this.ending = setTimeout(() => this.chart.player.look(), ANSWER) // nothing has changed
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
    this.moves.disconnect()
    clearTimeout(this.ending)
    document.removeEventListener("pointerdown", this.down, true)
    for (const end of ["pointerup", "pointercancel"]) removeEventListener(end, this.up, true)
  }
}
