// The names of the curves, which switch them off and on: each beside the end of its curve where there is room, and all below the
// chart where there is not.

class EndLabels {
  constructor(chart) {
    this.chart = chart
    this.stacking = [] // names of the curves as their labels stand, from above
    this.leaders = svg("svg", chart.root)
    this.leaders.setAttribute("class", "live-chart-leaders")
    this.leaders.setAttribute("aria-hidden", "true")
    this.list = element("ul", "live-chart-labels", chart.root)
  }

  // One button per curve: its name, its line, and the switch that hides it.
  write() {
    const { curves } = this.chart.frame
    const wanted = JSON.stringify(curves.map((c) => [c.name, c.colour, c.dash, c.ghost]))
    if (wanted !== this.written) {
      this.written = wanted
      this.list.replaceChildren(...curves.map((curve) => this.label(curve)))
    }
    for (const [i, item] of [...this.list.children].entries()) {
      item.firstChild.setAttribute("aria-pressed", !this.chart.hidden.has(curves[i].name))
      // a ghost has the colour and dash of the curve that it is compared with
      item.hidden = curves[i].ghost || Boolean(this.chart.guess?.conceals(curves[i].name))
    }
  }

  label(curve) {
    const item = document.createElement("li")
    const button = element("button", "", item)
    button.type = "button"
    button.title = `${curve.name}: show or hide`
    const swatch = svg("svg", button)
    swatch.setAttribute("aria-hidden", "true")
    const line = svg("line", swatch)
    const style = { x1: 0, x2: "100%", y1: "50%", y2: "50%", stroke: curve.colour, "stroke-width": curve.ghost ? 1.5 : 2.5 }
    style["stroke-dasharray"] = dashes(curve.dash).join(" ") || "none"
    for (const [name, value] of Object.entries(style)) line.setAttribute(name, value)
    element("span", "", button).textContent = curve.name
    button.onclick = () => {
      if (!this.chart.hidden.delete(curve.name)) this.chart.hidden.add(curve.name)
      this.chart.schedule() // while it moves, too: the switches and Plotly's hidden curves agree
    }
    return item
  }

  // Labels stand beside the ends of the curves where there is room, and below the chart where there is not.
  // Returns the width that they need on the right.
  makeRoom(width) {
    const { theme, height } = this.chart
    const items = [...this.list.children]
    this.list.classList.remove("beside")
    this.row = 1.5 * theme.size
    this.list.style.width = "max-content" // measured at their natural size
    const longest = Math.max(0, ...items.map((item) => item.offsetWidth))
    this.list.style.width = ""
    const shown = items.filter((item) => !item.hidden).length
    const fits = shown * this.row <= height - 7 * theme.size
    this.beside = shown > 0 && fits && longest <= 0.36 * width && width >= 36 * theme.size
    this.list.classList.toggle("beside", this.beside)
    return this.beside ? longest + LEADER : 0
  }

  // Put each label at the height of its curve's end, moved apart where they would overlap, and join the two.
  join() {
    const { frame } = this.chart
    this.leaders.replaceChildren()
    const current = this.list.children.length === frame.curves.length // else of a race before: a drawing is under way
    if (!this.beside || !current) return
    const { xaxis, yaxis, _size: size } = this.chart.plot._fullLayout
    const right = size.l + size.w
    const bottom = size.t + size.h
    const labelled = frame.curves.map((curve, i) => [curve, i]).filter(([, i]) => !this.list.children[i].hidden)
    const ends = labelled.map(([curve, i]) => {
      const end = { item: this.list.children[i], curve, x: right, y: bottom, drawn: false }
      const tip = this.tip(curve)
      if (!tip) return end
      const x = scaled(xaxis, xaxis._offset, 1)(tip[0])
      const y = scaled(yaxis, yaxis._offset + yaxis._length, -1)(tip[1])
      const drawn = !this.chart.conceals(curve.name) && x >= size.l && x <= right + 1 && y >= size.t && y <= bottom
      return { ...end, x: Math.min(x, right), y: Math.min(Math.max(y, size.t), bottom), drawn }
    })
    this.stack(ends)
    const places = movedApart(ends.map((end) => end.y), this.row, size.t, bottom)
    for (const [i, { item, curve, x, y, drawn }] of ends.entries()) {
      item.style.left = `${right + LEADER - 4}px`
      item.style.top = `${places[i]}px`
      if (!drawn) continue
      const path = svg("path", this.leaders)
      path.setAttribute("d", `M${x + 2} ${y} L${Math.max(x + 2, right + 4)} ${y} L${right + LEADER - 4} ${places[i]}`)
      path.setAttribute("stroke", curve.colour)
    }
  }

  // Labels keep their order until two curves have clearly crossed: ends that run close together would make them swap all the time.
  stack(ends) {
    const before = new Map(this.stacking.map((name, i) => [name, i]))
    const known = ends.every(({ curve }) => before.has(curve.name))
    if (known && this.chart.moving) {
      ends.sort((a, b) => before.get(a.curve.name) - before.get(b.curve.name))
      for (let i = 1; i < ends.length; i++) {
        for (let j = i; j > 0 && ends[j].y < ends[j - 1].y - 0.7 * this.row; j--) [ends[j - 1], ends[j]] = [ends[j], ends[j - 1]]
      }
    } else {
      ends.sort((a, b) => a.y - b.y)
    }
    this.stacking = ends.map(({ curve }) => curve.name)
  }

  // Where a curve ends at the place that is shown, in the units of the axes; null if it has no point.
  tip({ lx, ly, ghost }) {
    const edge = ghost ? Infinity : this.chart.place.at
    let last = ly.length - 1
    while (last >= 0 && !(lx[last] <= edge && Number.isFinite(ly[last]))) last--
    if (last < 0) return null
    return between(lx, ly, last, edge) ?? [lx[last], ly[last]]
  }
}

const LEADER = 26 // pixels between the plot and the labels

// Positions no closer than `gap`, in the order given (ascending), inside [low, high] as far as they fit.
function movedApart(wanted, gap, low, high) {
  const places = [...wanted]
  for (let i = 0; i < places.length; i++) places[i] = Math.max(places[i], i ? places[i - 1] + gap : low)
  for (let i = places.length - 1; i >= 0; i--) {
    places[i] = Math.min(places[i], i < places.length - 1 ? places[i + 1] - gap : high)
  }
  return places
}
