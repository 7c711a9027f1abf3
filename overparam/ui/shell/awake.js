// A computer that has slept wakes with connections that the server may have given up, and which do not say so before a word is
// lost in them. So after a sleep whoever opened one hears that it is closed, and opens another.
{
  const PATIENCE = 30, PATIENCE_HIDDEN = 90 // seconds: of the server; where timers run once a minute
  const opened = new Set()
  window.WebSocket = class extends WebSocket {
    constructor(...asked) {
      super(...asked)
      opened.add(this)
      this.addEventListener("close", () => opened.delete(this))
    }
  }
  let last = Date.now(), patience = PATIENCE
  setInterval(() => {
    const now = Date.now()
    if (now - last > 1000 * patience) for (const each of opened) {
      each.close()
      each.dispatchEvent(new CloseEvent("close", { code: 1006 })) // its own may take a minute
    }
    last = now
    patience = document.hidden ? PATIENCE_HIDDEN : PATIENCE
  }, 1000)
}
