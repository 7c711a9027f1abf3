// The library is large: asked for once per page, by the document's head already where the app has routes of its own.
function loadPlotly(path) {
  globalThis.plotlyLoading ??= fetchPlotly(path).catch((error) => {
    delete globalThis.plotlyLoading
    throw error
  })
  return globalThis.plotlyLoading
}

async function fetchPlotly(path) {
  const { href } = appUrl(path)
  if (!globalThis.Plotly) {
    await loaded([...document.scripts].find(({ src }) => src === href) ?? asked(href))
  }
  if (!globalThis.Plotly) throw new Error(`${href} is not the drawing library`)
  return globalThis.Plotly
}

function asked(href) {
  const script = document.createElement("script")
  script.src = href
  document.head.append(script)
  return script
}

function loaded(script) {
  return new Promise((resolve, reject) => {
    script.addEventListener("load", resolve)
    script.addEventListener("error", () => {
      script.remove() // to be asked for anew
      reject(new Error(`${script.src} did not load`))
    })
  })
}
