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

// In projector mode all text grows with the root's font size, and so do lines and markers of one size.
function thicken(traces) {
  const scale = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
  for (const { line, marker } of traces ?? []) {
    if (typeof line?.width === "number") line.width *= scale;
    if (typeof marker?.size === "number") marker.size *= scale;
  }
  return traces;
}

// End an animation before its frames are taken away: plotly would look for them for ever. It notices one screen frame later.
function halt(root) {
  if (!root._transitionData?._frames?.length) return Promise.resolve();
  window.Plotly.animate(root, [null], { mode: "immediate", frame: { duration: 0 } });
  return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
}

async function draw(root, chart, setTriggerValue) {
  const { data } = chart, rem = chart.rem.clientWidth;
  if ((chart.drawn === data && chart.drawnAt === rem) || chart.gone) return; // a later change has been drawn already
  const Plotly = await loadPlotly(data.library);
  const figure = JSON.parse(data.figure);
  figure.frames?.forEach((frame) => thicken(frame.data));
  await halt(root);
  await Plotly.react(root, {
    data: thicken(figure.data),
    layout: themed(figure.layout, root),
    frames: figure.frames ?? [],
    config: { displaylogo: false, displayModeBar: data.modebar, doubleClick: data.clickable ? false : "reset+autosize",
              toImageButtonOptions: { filename: data.name, scale: 2 } },
  });
  chart.drawn = data;
  chart.drawnAt = rem;
  root.style.cursor = data.clickable ? "crosshair" : "";
  if (data.autoplay && chart.played !== data.figure && !matchMedia("(prefers-reduced-motion: reduce)").matches) {
    const frame = { duration: data.autoplay, redraw: false };
    const how = { mode: "immediate", frame, transition: { duration: 0 } };
    const play = () => chart.gone || chart.data !== data || Plotly.animate(root, null, how);
    setTimeout(play, 400); // once the page has found its width, as a resize ends an animation
  }
  chart.played = data.figure;
  if (chart.observer) return;
  chart.width = root.clientWidth;
  chart.observer = new ResizeObserver(() => {
    if (!root.isConnected || !root.clientWidth || root.clientWidth === chart.width) return;
    chart.width = root.clientWidth;
    Plotly.Plots.resize(root);
  });
  chart.observer.observe(root);
  root.on("plotly_click", (event) => {
    const at = event.points[0];
    const x = event.xvals?.[0], y = event.yvals?.[0];
    setTriggerValue("clicked", { x, y, axis: event.xaxes?.[0]?._id ?? null, custom: at?.customdata ?? null,
                                 point_x: at?.x ?? null, point_y: at?.y ?? null });
  });
}

export default function ({ data, parentElement, setTriggerValue }) {
  const [root, problem, rem] = parentElement.querySelectorAll(".plot, .plot-problem, .plot-rem");
  const chart = charts.get(parentElement) ?? { work: Promise.resolve(), rem };
  const redraw = () => {
    chart.work = chart.work.then(() => draw(root, chart, setTriggerValue)).then(
      () => { problem.hidden = true; },
      () => { problem.hidden = Boolean(window.Plotly); },
    );
  };
  if (!charts.has(parentElement)) { // a box of 10rem notices the projector mode
    charts.set(parentElement, chart);
    chart.scale = new ResizeObserver(() => chart.drawnAt && redraw());
    chart.scale.observe(rem);
  }
  root.setAttribute("aria-label", data.alt);
  root.style.minHeight = `${data.height}px`;
  chart.data = data;
  redraw();
  return () => {
    chart.gone = true;
    chart.scale.disconnect();
    chart.observer?.disconnect();
    charts.delete(parentElement);
    if (chart.drawn) halt(root).then(() => window.Plotly.purge(root));
  };
}
"""

_component = st.components.v2.component(
    "overparam_plot",
    html='<div class="plot" role="img"></div><p class="plot-problem" role="alert" hidden>The drawing library did not load, so this '
    'picture stays empty: reload the page.</p><div class="plot-rem"></div>',
    css=".plot { width: 100%; } .plot-rem { position: absolute; visibility: hidden; width: 10rem; height: 0; }",
    js=_JS + LOADER,
    isolate_styles=False,  # plotly puts its style sheet into the document
)


def plot(
    figure: go.Figure,
    key: str,
    alt: str,
    on_click: Callable[[dict[str, Any]], None] | None = None,
    modebar: bool = False,
    autoplay: int = 0,
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
        autoplay: milliseconds a frame, to play the figure's frames whenever a new figure has come; 0 leaves that to its buttons.
            Browsers that are asked for less motion show the end at once.
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
            "autoplay": autoplay,
        },
        on_clicked_change=clicked,
    )
