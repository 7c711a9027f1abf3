"""A plotly figure that is redrawn in place and can be clicked anywhere.

`st.plotly_chart` builds a new chart for every change: dragging a slider makes it blink, and a click counts only on a point.
This component is mounted once and calls `Plotly.react`, so a change moves what moves and leaves the rest, zoom included.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import plotly
import plotly.graph_objects as go
import streamlit as st

from overparam.ui.plotly_js import LOADER, PLOTLY_URL

_JS = """
const charts = new WeakMap();

// Plotly rejects, with no reason, the promise of an animation that is paused or interrupted; nobody can catch it there.
window.addEventListener("unhandledrejection", (event) => { if (event.reason === undefined) event.preventDefault(); });

function themed(layout, root) {
  const css = getComputedStyle(root);
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const text = css.getPropertyValue("--st-text-color").trim();
  const surface = css.getPropertyValue("--st-background-color").trim();
  return {
    ...layout,
    font: { family: css.fontFamily, size: 0.82 * rem, ...layout.font, color: text },
    hoverlabel: { bgcolor: surface, font: { color: text }, ...layout.hoverlabel },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: "rgba(127,135,148,0.6)", activecolor: text },
  };
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".plot");
  const chart = charts.get(parentElement) ?? {};
  charts.set(parentElement, chart);
  root.setAttribute("aria-label", data.alt);
  root.style.minHeight = `${data.height}px`;
  loadPlotly(data.library).then(async (Plotly) => {
    const figure = JSON.parse(data.figure);
    await Plotly.react(root, {
      data: figure.data,
      layout: themed(figure.layout, root),
      frames: figure.frames ?? [],
      config: { displaylogo: false, displayModeBar: data.modebar, doubleClick: data.clickable ? false : "reset+autosize",
                toImageButtonOptions: { filename: data.name, scale: 2 } },
    });
    root.style.cursor = data.clickable ? "crosshair" : "";
    if (chart.observer) return;
    chart.observer = new ResizeObserver(() => root.isConnected && root.clientWidth && Plotly.Plots.resize(root));
    chart.observer.observe(root);
    root.on("plotly_click", (event) => {
      const at = event.points[0];
      const x = event.xvals?.[0], y = event.yvals?.[0];
      setTriggerValue("clicked", { x, y, axis: event.xaxes?.[0]?._id ?? null, custom: at?.customdata ?? null,
                                   point_x: at?.x ?? null, point_y: at?.y ?? null });
    });
  }).catch(() => { root.textContent = "The drawing library did not load, so this picture stays empty: reload the page."; });
  return () => { chart.observer?.disconnect(); window.Plotly?.purge(root); charts.delete(parentElement); };
}
"""

_component = st.components.v2.component(
    "overparam_plot",
    html='<div class="plot" role="img"></div>',
    css=".plot { width: 100%; }",
    js=_JS + LOADER,
    isolate_styles=False,  # plotly puts its style sheet into the document
)


def plot(
    figure: go.Figure,
    key: str,
    alt: str,
    on_click: Callable[[dict[str, Any]], None] | None = None,
    modebar: bool = False,
) -> None:
    """Show a figure and keep it in place from one run of the script to the next.

    Args:
        figure: with a height of its own; colours of text and background are those of the theme.
        key: unique on the page; the same key is the same chart.
        alt: what the picture shows, in one sentence, for those who do not see it.
        on_click: called with {"x", "y"} in the axes' units of a click anywhere in the plot, "axis": the x axis there ("x",
            "x2", ...), "custom": the customdata of the point below it, "point_x", "point_y": its place; each None where there
            is none.
        modebar: show plotly's own buttons on hover.
    """
    if on_click is not None:
        figure.update_layout(clickanywhere=True, dragmode=False)
    document = figure.to_plotly_json()
    document["layout"].pop("template", None)
    height = figure.layout.height

    def clicked() -> None:
        event = st.session_state[key].clicked
        if on_click is not None and event is not None:
            on_click(event)

    _component(
        key=key,
        height="content",
        data={
            "figure": json.dumps(document, cls=plotly.utils.PlotlyJSONEncoder),
            "library": PLOTLY_URL,
            "alt": alt,
            "name": key,
            "height": height,
            "clickable": on_click is not None,
            "modebar": "hover" if modebar else False,
        },
        on_clicked_change=clicked,
    )
