// The one chart of the app, in two modes: live.js, still.js.  Here is what both need.

const ends = new WeakMap() // by the element that a chart is mounted in

// A chart goes with its element.  Streamlit also ends a call that the next one has overtaken, before that one or after it, and the
// chart is the next one's, too.
export default function (mounted) {
  const { data, parentElement } = mounted
  ends.set(parentElement, data.mode === "live" ? live(mounted) : still(mounted))
  return () => setTimeout(() => {
    if (parentElement.isConnected || !ends.has(parentElement)) return
    ends.get(parentElement)()
    ends.delete(parentElement)
  })
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
