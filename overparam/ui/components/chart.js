// The one chart of the app, in two modes: live.js, still.js.  Here is what both need.

const latest = new WeakMap() // by the element that a chart is mounted in: how its latest call is ended

// Two calls that waited for this file are made at once, and Streamlit ends the first, which the second has overtaken, after both: the
// chart is the second one's by then.
export default function (mounted) {
  const end = mounted.data.mode === "live" ? live(mounted) : still(mounted)
  latest.set(mounted.parentElement, end)
  return () => { if (latest.get(mounted.parentElement) === end) end() }
}

function readTheme(parent) {
  const css = getComputedStyle(parent)
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize)
  return {
    text: css.getPropertyValue("--st-text-color").trim(),
    background: css.getPropertyValue("--st-background-color").trim(),
    family: css.getPropertyValue("--st-font").trim(),
    grid: "rgba(127,135,148,0.25)",
    faint: "rgb(127,135,148)",
    size: 0.875 * rem,
    scale: rem / 16,
    rem,
  }
}

// Of a path relative to the address of the app.
function appUrl(path) {
  const frontend = document.querySelector('script[src*="static/js/"]') // tells below which path the app is served
  return new URL(path, frontend ? new URL("../../", frontend.src) : document.baseURI)
}

function element(tag, className, parent) {
  const made = document.createElement(tag)
  made.className = className
  parent.append(made)
  return made
}

function svg(tag, parent) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag)
  parent.append(made)
  return made
}
