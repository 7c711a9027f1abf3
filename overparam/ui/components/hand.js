// Notices a hand that moves a slider beside a chart; Streamlit hears of the value only when it lets go.  See `Slider` in chart.py.

class Hand {
  // owner: has `sliders`, those to notice now, and is told: taken(); moved(choices), as in the page's URL; released().
  constructor(owner) {
    this.owner = owner
    this.moves = new MutationObserver(() => this.follow())
    this.down = (event) => this.take(event)
    this.up = () => this.release()
    document.addEventListener("pointerdown", this.down, true)
    for (const end of ["pointerup", "pointercancel"]) addEventListener(end, this.up, true)
  }

  take({ target }) {
    const slider = this.owner.sliders.find(({ css }) => target.closest?.(css))
    if (!slider) return
    const box = target.closest(slider.css)
    this.thumb = box.querySelector("input[type=range]")
    this.says = slider.says
    this.value = this.first = this.thumb.value
    this.typed = box.closest(".stHorizontalBlock")?.querySelector(':scope > [class*="_typed"]') // a box for the same number
    this.moves.observe(box, { attributes: true, attributeFilter: ["style"], subtree: true }) // the thumb's place
    this.holds = true
    this.owner.taken()
  }

  follow() {
    const { value } = this.thumb, { says } = this
    if (value === this.value) return
    this.value = value
    this.typed?.toggleAttribute("data-behind", !this.returned) // it says the value before
    if (typeof says === "string") this.owner.moved({ [says]: value })
    else if (value in says) this.owner.moved(says[value])
  }

  release() {
    if (!this.holds) return
    this.moves.disconnect()
    this.typed?.removeAttribute("data-behind")
    this.holds = false
    this.owner.released()
  }

  // Whether it has let go where it began: the script hears of nothing then.
  get returned() {
    return this.thumb.value === this.first
  }

  destroy() {
    this.moves.disconnect()
    document.removeEventListener("pointerdown", this.down, true)
    for (const end of ["pointerup", "pointercancel"]) removeEventListener(end, this.up, true)
  }
}
