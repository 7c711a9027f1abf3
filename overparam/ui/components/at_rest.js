// A live chart at rest is Plotly's: its curves, axes, buttons, and the file to take home.

class AtRest {
  constructor(chart) {
    this.chart = chart
  }

  // What Plotly draws: curves, layout, buttons. The labels take `column` pixels of the width.
  picture(width, column) {
    return [this.traces(), this.layout(width, column), this.config()]
  }

  traces() {
    const { frame, theme } = this.chart
    return frame.curves.map((curve) => ({
      type: "scatter",
      mode: "lines",
      name: "%{meta[0]}", // not the name itself, in which Plotly would replace %{...}
      meta: [plotlyText(curve.name), curve.note && `<br>${plotlyText(curve.note)}`],
      ...this.seen(curve),
      opacity: curve.ghost ? 0.45 : 1,
      visible: !this.chart.conceals(curve.name),
      line: { color: curve.colour, dash: curve.dash, width: (curve.ghost ? 1.5 : 2.25) * theme.scale },
      hoverlabel: { bordercolor: curve.colour },
      hovertemplate: "%{meta[0]}<br>%{x:,.7~r} : <b>%{y:.4~g}</b>%{meta[1]}<extra></extra>",
    }))
  }

  // Of a curve whose end is known already, as far as it is shown.
  seen({ x, y, lx, ghost }) {
    const stop = this.chart.player.plays && !ghost ? lx.filter((at) => at <= this.chart.place.at).length : x.length
    return { x: x.slice(0, stop), y: y.slice(0, stop) }
  }

  layout(width, column) {
    const { options, theme, frame, height, plot, zoomed, heightOfAxis, painted } = this.chart
    const axis = (log, title, ticks) => ({
      type: log ? "log" : "linear",
      uirevision: painted, // what a person has chosen is kept by `zoomed`
      title: { text: title, standoff: 0.75 * theme.size, font: { size: theme.size } },
      automargin: true,
      zeroline: false,
      gridcolor: theme.grid,
      linecolor: theme.grid,
      exponentformat: log ? "power" : "none",
      separatethousands: true,
      nticks: Math.max(2, Math.floor(ticks)),
    })
    const xaxis = axis(options.xLog, options.xTitle, (width - column) / (6 * theme.size))
    const yaxis = axis(true, options.yTitle, Math.min(10, height / (4 * theme.size)))
    if (options.xRange) {
      xaxis.range = options.xLog ? options.xRange.map(Math.log10) : options.xRange
      if (options.xLog && xaxis.range[1] - xaxis.range[0] < 3.5) xaxis.dtick = "D2" // 1, 2 and 5: no room for more
      xaxis.autorange = false
    } else {
      xaxis.autorangeoptions = this.extent() // no further than the curves, however long the text at a mark
    }
    const shown = plot._fullLayout
    if (zoomed && this.xLogOfZoom === options.xLog) {
      Object.assign(xaxis, { range: [...shown.xaxis.range], autorange: false })
    }
    this.xLogOfZoom = options.xLog
    if (zoomed) yaxis.range = [...shown.yaxis.range]
    else if (heightOfAxis.shown) yaxis.range = heightOfAxis.shown
    const decades = yaxis.range ? yaxis.range[1] - yaxis.range[0] : 0
    if (decades >= 1 && decades < 3.5) yaxis.dtick = "D2" // 1, 2 and 5: nine digits would touch
    const marks = frame.marks.filter((mark) => !options.xLog || mark.x > 0)
    const below = { yref: "paper", y: 0, yanchor: "top", yshift: -2, showarrow: false, font: { size: theme.size } } // as a tick
    return {
      width,
      height,
      margin: { l: 8, r: column + 16, t: 2 * theme.size, b: 8 },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: theme.family, size: theme.size, color: theme.text },
      hoverlabel: { font: { family: theme.family, size: theme.size, color: theme.text }, bgcolor: theme.background, align: "left" },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: theme.faint, activecolor: theme.text },
      showlegend: false,
      hovermode: "closest",
      dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom", // a finger scrolls the page
      uirevision: "keep",
      xaxis,
      yaxis,
      shapes: marks.map((mark) => ({
        type: "line",
        x0: mark.x,
        x1: mark.x,
        yref: "paper",
        y0: 0,
        y1: 1,
        line: { color: theme.faint, width: theme.scale, dash: "dot" },
      })),
      annotations: [
        ...marks.map((mark) => ({
          x: options.xLog ? Math.log10(mark.x) : mark.x,
          yref: "paper",
          y: 1,
          yanchor: "bottom",
          showarrow: false,
          text: plotlyText(mark.text),
          font: { size: 0.9 * theme.size },
        })),
        ...(options.xZero ? [{ ...below, x: Math.log10(options.xZero), text: "0" }] : []),
      ],
    }
  }

  extent() {
    const { frame, options } = this.chart
    let [clipmin, clipmax] = [Infinity, -Infinity]
    for (const { x } of frame.curves) {
      for (const value of x) {
        if (!Number.isFinite(value) || (options.xLog && value <= 0)) continue
        clipmin = Math.min(clipmin, value)
        clipmax = Math.max(clipmax, value)
      }
    }
    return clipmin < clipmax ? { clipmin, clipmax } : {}
  }

  config() {
    const { Plotly } = this.chart
    this.buttons ??= [
      [this.exportButton("png", Plotly.Icons.camera), this.exportButton("svg", Plotly.Icons.disk)],
      ["zoom2d", "pan2d", { name: "whole", title: "Whole view", icon: Plotly.Icons.home, click: () => this.chart.wholeView() }],
    ]
    return { displaylogo: false, modeBarButtons: this.buttons, doubleClick: false }
  }

  exportButton(format, icon) {
    const title = `Download this picture as ${format.toUpperCase()}`
    return { name: title, title, icon, click: () => this.download(format) }
  }

  // The file stands alone: its own background, and a legend in the place of the labels.
  async download(format) {
    const { Plotly, plot, theme, frame, key } = this.chart, { width } = plot.layout
    const layout = {
      ...plot.layout,
      paper_bgcolor: theme.background,
      font: { ...plot.layout.font, family: "sans-serif" }, // the page's own font is not part of the file
      showlegend: true,
      legend: { orientation: "h", x: 0, y: 0, yref: "container", yanchor: "bottom" },
      margin: { ...plot.layout.margin, r: 24 },
    }
    const height = this.chart.height + 1.6 * theme.size * Math.ceil(frame.curves.length / 4)
    const picture = { data: plot.data.filter((trace) => trace.visible), layout: { ...layout, height } }
    const link = document.createElement("a")
    link.href = await Plotly.toImage(picture, { format, width, height, scale: format === "png" ? 2 : 1 })
    link.download = `${key}.${format}`
    link.click()
  }
}

// Plotly reads a little HTML in texts; a name must show as it is.
function plotlyText(text) {
  return text
    .replace(/[\u0000-\u001f]/g, " ")
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
}
