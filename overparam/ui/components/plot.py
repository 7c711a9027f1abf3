"""A plotly figure that is redrawn in place and can be clicked anywhere.

`st.plotly_chart` builds a new chart for every change: dragging a slider makes it blink, and a click counts only on a point.
This component is mounted once and calls `Plotly.react`, so a change moves what moves and leaves the rest, zoom included.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import plotly
import plotly.graph_objects as go
import streamlit as st

from overparam.ui.components.plotly_js import HEIGHTS, LOADER, plotly_url

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

// A picture that keeps its proportions need not be higher than its width lets it grow. What depends on the height, such as the
// margins that plotly finds, must not count here: the height would chase itself.
function mostHeight(root, { aspect }) {
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
  return aspect ? Math.ceil(root.clientWidth * aspect + 3 * rem) : root.clientWidth;
}

// Height over width of the data, where the axes are tied to one another.
function aspectOf({ data, layout: { xaxis, yaxis } }) {
  if (!yaxis?.scaleanchor) return null;
  const span = ({ range: [low, high] }) => high - low;
  if (xaxis.range) return span(yaxis) / span(xaxis);
  const { z } = data[0]; // a matrix: rows, or numbers packed with their shape
  const [rows, columns] = z.shape?.split(",").map(Number) ?? [z.length, z[0].length];
  return rows / columns;
}

function play(root, chart, data) {
  const frame = { duration: data.autoplay, redraw: false };
  chart.playing = true;
  window.Plotly.animate(root, null, { mode: "immediate", frame, transition: { duration: 0 } });
}

// The figure's meta says what it changes in a chart of less than so many pixels: part of a figure, or null.
function slimmer({ narrow }, root) {
  return narrow && root.clientWidth < narrow.below ? narrow.figure : null;
}

function merge(base, over) {
  for (const [key, value] of Object.entries(over)) {
    if (value && base[key] && typeof value === "object") merge(base[key], value);
    else base[key] = value;
  }
}

async function draw(root, chart, setTriggerValue) {
  const { data } = chart, rem = chart.rem.clientWidth, slim = slimmer(data, root);
  const asDrawn = chart.drawn === data && chart.drawnAt === rem && chart.slim === slim;
  if (asDrawn || chart.gone) return; // a later change has been drawn already
  const Plotly = await loadPlotly(data.library);
  const figure = JSON.parse(data.figure);
  merge(figure, slim ?? {});
  figure.frames?.forEach((frame) => thicken(frame.data));
  chart.aspect = aspectOf(figure);
  await halt(root);
  await Plotly.react(root, {
    data: thicken(figure.data),
    layout: themed({ ...figure.layout, height: chart.height }, root),
    frames: figure.frames ?? [],
    config: { displayModeBar: false, doubleClick: data.clickable ? false : "reset+autosize" },
  });
  chart.drawn = data;
  chart.drawnAt = rem;
  chart.slim = slim;
  heights.changed();
  root.style.cursor = data.clickable ? "crosshair" : "";
  if (data.autoplay && chart.played !== data.figure && !matchMedia("(prefers-reduced-motion: reduce)").matches) {
    const begin = () => chart.gone || chart.data !== data || play(root, chart, data);
    setTimeout(begin, 400); // once the page has found its size, as a resize ends an animation
  }
  chart.played = data.figure;
  if (chart.observer) return;
  chart.width = root.clientWidth;
  chart.observer = new ResizeObserver(() => {
    if (!root.isConnected || !root.clientWidth || root.clientWidth === chart.width) return;
    chart.width = root.clientWidth;
    if (slimmer(chart.data, root) === chart.slim) Plotly.Plots.resize(root);
    else chart.redraw();
  });
  chart.observer.observe(root);
  root.on("plotly_animated", () => { chart.playing = false; });
  root.on("plotly_click", (event) => {
    const at = event.points[0];
    const x = event.xvals?.[0], y = event.yvals?.[0];
    setTriggerValue("clicked", { x, y, axis: event.xaxes?.[0]?._id ?? null, custom: at?.customdata ?? null,
                                 point_x: at?.x ?? null, point_y: at?.y ?? null });
  });
}

async function resize(root, chart) {
  if (!chart.drawn || chart.gone || root._fullLayout.height === chart.height) return;
  const { playing } = chart;
  await window.Plotly.relayout(root, { height: chart.height });
  if (playing) play(root, chart, chart.data);
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
  chart.redraw = redraw;
  chart.data = data;
  if (!charts.has(parentElement)) { // a box of 10rem notices the projector mode
    charts.set(parentElement, chart);
    chart.least = () => leastHeight(slimmer(chart.data, root)?.layout?.height ?? chart.data.height);
    chart.most = () => mostHeight(root, chart);
    chart.change = () => { chart.work = chart.work.then(() => resize(root, chart)); };
    heights.add(root, chart);
    chart.scale = new ResizeObserver(() => chart.drawnAt && redraw());
    chart.scale.observe(rem);
  }
  root.setAttribute("aria-label", data.alt);
  redraw();
  return () => {
    chart.gone = true;
    chart.scale.disconnect();
    chart.observer?.disconnect();
    heights.remove(root);
    charts.delete(parentElement);
    if (chart.drawn) halt(root).then(() => window.Plotly.purge(root));
  };
}
"""

_component = st.components.v2.component(
    "overparam_plot",
    html='<div class="plot" role="figure"></div><p class="plot-problem" role="alert" hidden>The drawing library did not load, so '
    'this picture stays empty: reload the page.</p><div class="plot-rem"></div>',
    css=".plot { width: 100%; } .plot-rem { position: absolute; visibility: hidden; width: 10rem; height: 0; }",
    js=_JS + HEIGHTS + LOADER,
    isolate_styles=False,  # plotly puts its style sheet into the document
)


@dataclass(frozen=True)
class Prepared:
    """A figure as the browser gets it: turned to JSON once, to be shown many times."""

    figure: str
    height: float
    narrow: dict[str, Any] | None


def prepared(figure: go.Figure) -> Prepared:
    """A figure made ready; costs tens of milliseconds where the figure has many frames."""
    document = figure.to_plotly_json()
    document["layout"].pop("template", None)
    narrow = (figure.layout.meta or {}).get("narrow")
    return Prepared(json.dumps(document, cls=plotly.utils.PlotlyJSONEncoder), figure.layout.height, narrow)


def plot(
    figure: go.Figure | Prepared,
    key: str,
    alt: str,
    on_click: Callable[[dict[str, Any]], None] | None = None,
    autoplay: int = 0,
) -> None:
    """Show a figure and keep it in place from one run of the script to the next.

    Args:
        figure: with a height of its own, which it exceeds where the window has room; colours of text and background are those
            of the theme. Its layout's meta may hold {"narrow": {"below": pixels, "figure": part of a figure}}: what a chart of
            less width changes. One that is the same for everybody can be `prepared` once.
        key: unique on the page; the same key is the same chart.
        alt: what the picture shows, in one sentence, for those who do not see it.
        on_click: called with {"x", "y"} in the axes' units of a click anywhere in the plot, "axis": the x axis there ("x",
            "x2", ...), "custom": the customdata of the point below it, "point_x", "point_y": its place; each None where there
            is none.
        autoplay: milliseconds a frame, to play the figure's frames whenever a new figure has come; 0 leaves that to its buttons.
            Browsers that are asked for less motion show the end at once.
    """
    if isinstance(figure, go.Figure):
        if on_click is not None:
            figure.update_layout(clickanywhere=True, dragmode=False)
        figure = prepared(figure)

    def clicked() -> None:
        event = st.session_state[key].clicked
        if on_click is not None and event is not None:
            on_click(event)

    _component(
        key=key,
        height="content",
        data={
            "figure": figure.figure,
            "library": plotly_url(),
            "alt": alt,
            "height": figure.height,
            "narrow": figure.narrow,
            "clickable": on_click is not None,
            "autoplay": autoplay,
        },
        on_clicked_change=clicked,
    )
