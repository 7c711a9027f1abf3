// Where curves arrive: lines at the goals, a flag where a curve comes to one, and the bracket that says how much sooner.

class ArrivalMarks {
  constructor(chart) {
    this.chart = chart
    this.layer = svg("svg", chart.root)
    this.layer.setAttribute("class", "live-chart-leaders live-chart-arrivals")
    this.layer.setAttribute("aria-hidden", "true") // the page says the same in words
  }

  // Lines at the goals; a flag below the line where a curve comes to one, as far as the place has come; the bracket over two.
  mark() {
    const { frame, options, plot, place, theme } = this.chart
    this.layer.replaceChildren()
    const { xaxis, yaxis, _size: size } = plot._fullLayout
    const across = scaled(xaxis, xaxis._offset, 1), up = scaled(yaxis, yaxis._offset + yaxis._length, -1)
    const right = size.l + size.w, bottom = size.t + size.h, line = 1.15 * theme.size
    const draw = (kind, attributes, text = "") => {
      const drawn = svg(kind, this.layer)
      for (const [name, value] of Object.entries(attributes)) drawn.setAttribute(name, value)
      drawn.textContent = text
      return drawn
    }
    const write = (x, y, text, more) => draw("text", { x, y, "font-size": 0.92 * theme.size, ...more }, text)
    for (const goal of frame.goals) {
      const y = up(Math.log10(goal.y))
      if (!(y >= size.t && y <= bottom)) continue
      draw("path", { class: "goal", d: `M${size.l} ${y} H${right}` })
      if (goal.text) write(size.l + 4, y - 0.3 * line, goal.text, { class: "goal" })
    }
    const ends = new Map() // of each row of flags: where its last text ends
    const flags = new Map()
    for (const flag of [...frame.flags].sort((a, b) => a.x - b.x)) {
      const along = options.xLog ? Math.log10(flag.x) : flag.x
      const [x, y] = [across(along), up(Math.log10(flag.y))]
      if (along > place.at + 1e-9 || this.chart.conceals(flag.name)) continue
      if (!(x >= size.l && x <= right + 1 && y >= size.t && y <= bottom)) continue
      flags.set(flag.name, { x, y })
      const width = 0.58 * theme.size * flag.text.length
      let row = 1
      while (x - width < (ends.get(row) ?? -Infinity)) row++
      const foot = y + (row + 0.15) * line
      draw("circle", { cx: x, cy: y, r: 3.5 * theme.scale, fill: flag.colour })
      if (foot > bottom) continue // no room until the axis has opened: a dot without its number, and no number over another
      ends.set(row, x + 0.5 * theme.size)
      draw("path", { class: "flag", d: `M${x} ${y} V${foot}`, stroke: flag.colour })
      write(x - 4, foot - 0.15 * line, flag.text, { "text-anchor": "end", fill: theme.text, class: "flag" })
    }
    const [from, to] = (frame.bracket ?? []).map((name) => flags.get(name))
    if (!from || !to || from.x === to.x) return
    const [a, b] = [from.x, to.x].sort((one, other) => one - other), top = from.y - 0.5 * line
    draw("path", { class: "bracket", d: `M${a} ${from.y - 4} V${top} H${b} V${from.y - 4}` })
    write((a + b) / 2, top - 0.3 * line, frame.bracket[2], { class: "bracket", "text-anchor": "middle" })
  }
}
