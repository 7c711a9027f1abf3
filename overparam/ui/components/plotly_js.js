// The library is large: kept in the browser's cache under its version, and asked for once per page.
function loadPlotly(path) {
  globalThis.plotlyLoading ??= fetchPlotly(path).catch((error) => {
    delete globalThis.plotlyLoading
    throw error
  })
  return globalThis.plotlyLoading
}

async function fetchPlotly(path) {
  const frontend = document.querySelector('script[src*="static/js/"]') // tells below which path the app is served
  const url = new URL(path, frontend ? new URL("../../", frontend.src) : document.baseURI)
  const cache = await globalThis.caches?.open("plotly.js").catch(() => undefined) // absent without https
  let response = await cache?.match(url)
  if (!response) {
    response = await fetch(url)
    const kind = response.headers.get("content-type") ?? ""
    if (!response.ok || !kind.includes("javascript")) throw new Error(`${url}: ${response.status} ${kind}`)
    await cache?.put(url, response.clone()).catch(() => undefined) // a full disk only costs the next visit
  }
  const script = document.createElement("script")
  script.src = URL.createObjectURL(await response.blob())
  await new Promise((resolve, reject) => {
    script.onload = resolve
    script.onerror = reject
    document.head.append(script)
  })
  return globalThis.Plotly
}
