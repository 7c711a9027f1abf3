// A figure that is redrawn in place and can be clicked anywhere.  See plot.py.

const pictures = new WeakMap();

// Plotly rejects, with no reason, the promise of an animation that is paused or interrupted; nobody can catch it there.
window.addEventListener("unhandledrejection", (event) => { if (event.reason === undefined) event.preventDefault(); });

const ZOOMED = {
  displayModeBar: true, displaylogo: false, scrollZoom: true, doubleClick: "reset",
  modeBarButtons: [["zoomIn2d", "zoomOut2d", "resetScale2d"]],
};

function remScale() {
  return parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
}

function themed(layout, root) {
  const { text, background, rem } = readTheme(root);
  return {
    ...layout,
    font: { family: getComputedStyle(root).fontFamily, size: 0.82 * rem, ...layout.font, color: text },
    hoverlabel: { bgcolor: background, font: { color: text }, ...layout.hoverlabel },
  };
}

// In projector mode all text grows with the root's font size, and with it the room that is kept for text.
function widen(layout) {
  const scale = remScale();
  for (const [name, part] of Object.entries(layout)) {
    if (/^[xy]axis/.test(name) && part.title?.standoff) part.title.standoff *= scale;
  }
  for (const pad of [layout.margin, ...[...(layout.sliders ?? []), ...(layout.updatemenus ?? [])].map((each) => each.pad)]) {
    for (const side of Object.keys(pad ?? {})) pad[side] *= scale;
  }
  return layout;
}

// So do lines and markers of one size.
function thicken(traces) {
  const scale = remScale();
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
  const [left, right] = xaxis.domain ?? [0, 1]; // beside another plot it has a part of the width
  if (xaxis.range) return ((right - left) * span(yaxis)) / span(xaxis);
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

// The figure as a chart of this width shows it.
function figureOf(text, slim) {
  const figure = JSON.parse(text);
  merge(figure, slim ?? {});
  return figure;
}

// What a hand can do in a picture.
function touched({ clickable, zoom, drawable, cursor }) {
  return {
    ...(clickable && { clickanywhere: true, dragmode: zoom ? "pan" : false }),
    ...(drawable && { dragmode: false }),
    ...(cursor && { dragmode: false, hovermode: false }),
  };
}

// ahead: of the script, while a hand moves: the next picture follows at once.
async function react(root, chart, text, slim, ahead = false) {
  const figure = figureOf(text, slim), { data } = chart
  for (const frame of figure.frames ?? []) thicken(frame.data);
  chart.aspect = aspectOf(figure);
  const layout = themed({ ...widen(figure.layout), ...touched(data), height: chart.height }, root);
  const config = data.zoom ? ZOOMED : { displayModeBar: false, doubleClick: data.clickable ? false : "reset+autosize" };
  const traces = thicken(figure.data);
  if (ahead && sketchable(figure, root)) {
    chart.sketch ??= new Sketch(root);
    await chart.sketch.show(traces, layout, config);
  } else {
    chart.sketch?.rest();
    await window.Plotly.react(root, { data: traces, layout, config, frames: figure.frames ?? [] });
  }
  chart.bead?.show(figure.layout.meta?.way);
}

// A picture that is ahead of the script.
async function drawAhead(root, chart, text) {
  if (chart.gone || !chart.drawn) return;
  await halt(root);
  chart.drawn = text;
  await react(root, chart, text, chart.slim, true);
}

async function draw(root, chart, setTriggerValue) {
  const { data } = chart, rem = chart.rem.clientWidth;
  const colour = readTheme(root).text
  const asDrawn =
    chart.drawn === data && chart.drawnAt === rem && chart.slim === slimmer(data, root) && chart.colour === colour;
  if (asDrawn || chart.gone || chart.follower?.holds) return; // a later change has been drawn already, or is on its way
  const Plotly = await loadPlotly(data.library);
  await halt(root);
  const slim = slimmer(data, root);
  if (data.drawable) chart.bead ??= new Bead(root, (points) => setTriggerValue("drawn", points));
  await react(root, chart, data.figure, slim);
  chart.drawn = data;
  chart.drawnAt = rem;
  chart.colour = colour;
  chart.slim = slim;
  heights.changed();
  chart.hand?.drawn();
  if (data.cursor) {
    chart.cursor ??= new Cursor(root, (iteration) => setTriggerValue("chosen", iteration));
    chart.cursor.show(data.cursor);
  }
  root.style.cursor = data.clickable ? "crosshair" : "";
  if (data.autoplay && chart.played !== data.figure && !matchMedia("(prefers-reduced-motion: reduce)").matches) {
    painted().then(() => chart.gone || chart.data !== data || play(root, chart, data));
  }
  chart.played = data.figure;
  if (slimmer(data, root) !== slim) chart.redraw(); // the column has found its width meanwhile
  if (chart.observer) return;
  chart.width = Math.round(root._fullLayout.width); // as it was drawn: a column may have gone meanwhile
  chart.observer = new ResizeObserver(() => {
    if (!root.isConnected || !root.clientWidth) return;
    if (slimmer(chart.data, root) !== chart.slim) chart.redraw(); // also one drawn out of sight, where it has no width
    else if (root.clientWidth !== chart.width) Plotly.Plots.resize(root);
    chart.width = root.clientWidth;
  });
  chart.observer.observe(root);
  root.on("plotly_afterplot", () => {
    chart.sketch?.draw(); // its axes may be others
    chart.bead?.place();
    chart.hand?.place();
    chart.cursor?.draw();
  });
  root.on("plotly_animated", () => { chart.playing = false; });
  root.on("plotly_click", (event) => {
    if (chart.bead?.dragged) return;
    const at = event.points[0], custom = at?.customdata ?? null;
    const x = event.xvals?.[0], y = event.yvals?.[0];
    setTriggerValue("clicked", { x, y, axis: event.xaxes?.[0]?._id ?? null, point_x: at?.x ?? null,
                                 point_y: at?.y ?? null,
                                 // plotly's rows are typed arrays, which would arrive as objects
                                 custom: ArrayBuffer.isView(custom) ? Array.from(custom) : custom });
  });
}

async function resize(root, chart) {
  if (!chart.drawn || chart.gone || root._fullLayout.height === chart.height) return;
  const { playing } = chart;
  await window.Plotly.relayout(root, { height: chart.height });
  if (playing) play(root, chart, chart.data);
}

function furnished(parent) {
  const root = element("div", "plot", parent);
  root.setAttribute("role", "figure");
  const problem = element("p", "plot-problem", parent);
  problem.setAttribute("role", "alert");
  problem.textContent = "The drawing library did not load, so this picture stays empty: reload the page.";
  problem.hidden = true;
  return { work: Promise.resolve(), root, problem, rem: element("div", "plot-rem", parent) };
}

function still({ data, parentElement, setTriggerValue }) {
  const chart = pictures.get(parentElement) ?? furnished(parentElement);
  const { root, problem, rem } = chart;
  const queue = (work) => {
    chart.work = chart.work.then(work).then(
      () => { problem.hidden = true; },
      () => { problem.hidden = Boolean(window.Plotly); },
    );
    return chart.work;
  };
  const redraw = () => {
    const now = () => draw(root, chart, setTriggerValue);
    queue(() => (chart.drawn ? now() : heights.inTurn(root, now)));
  };
  chart.redraw = redraw;
  chart.data = data;
  if (!pictures.has(parentElement)) { // a box of 10rem notices the projector mode
    pictures.set(parentElement, chart);
    chart.least = () => leastHeight(slimmer(chart.data, root)?.layout?.height ?? chart.data.height);
    chart.most = () => mostHeight(root, chart);
    chart.aspect = aspectOf(figureOf(data.figure, slimmer(data, root)));
    chart.change = () => { chart.work = chart.work.then(() => resize(root, chart)); };
    heights.add(root, chart);
    chart.scale = new ResizeObserver(() => chart.drawnAt && redraw());
    chart.scale.observe(rem);
  }
  root.setAttribute("aria-label", data.alt);
  if (data.descent) {
    chart.hand ??= new DescentHand(root, (moved) => setTriggerValue("moved", moved));
    chart.hand.show(data.descent);
  }
  if (data.follow) {
    chart.follower ??= new Follower(root, (figure) => queue(() => drawAhead(root, chart, figure)), () => chart.back());
  }
  chart.back = () => {
    chart.follower?.end();
    redraw();
  };
  if (chart.follower) chart.follower.follow = data.follow;
  if (!chart.follower?.holds) chart.back();
  return () => {
    chart.gone = true;
    chart.scale.disconnect();
    chart.observer?.disconnect();
    chart.hand?.remove();
    chart.follower?.destroy();
    chart.sketch?.rest();
    chart.cursor?.remove();
    heights.remove(root);
    pictures.delete(parentElement);
    if (chart.drawn) halt(root).then(() => window.Plotly.purge(root));
    for (const own of [root, problem, rem]) own.remove();
  };
}
