// What the whole window needs, whichever page is open: the moment when a page is first seen, keys, the phone's drawer, the
// printed sheet, and keeping step with another window of the same lecture.

const NAMED = { " ": "Space", PageUp: "PageUp", PageDown: "PageDown" } // as Streamlit names a button's key
const WHERE = "?" // what a window asks that has just been opened
const PHONE = 768 // pixels; below, Streamlit lays the sidebar over the page
const CHART = ":is(.plot, .live-chart)"
const TO_COME = `[data-testid="stSkeleton"], .stMain .stBidiComponent:not(.st-key-app_window *, :has(${CHART}))`

export default function ({ data, setTriggerValue }) {
  globalThis.appWindow ??= new AppWindow()
  globalThis.appWindow.opened(data.page)
  globalThis.appWindow.keepStep(data, (lesson) => setTriggerValue("lesson", lesson))
}

class AppWindow {
  constructor() {
    addEventListener("keydown", (event) => this.keydown(event), true)
    document.documentElement.addEventListener("keydown", keepFromShortcuts)
    this.sheet = document.head.appendChild(document.createElement("style"))
    this.fitSheet()
    addEventListener("resize", () => this.fitSheet())
    this.reveal()
  }

  // A page is seen when everything that it has sent into the window has its size: see shell/look.py.
  reveal() {
    const app = document.querySelector('[data-testid="stApp"]')
    const sent = app.dataset.testScriptState === "notRunning" || app.querySelector(CHART)
    const toCome = [...app.querySelectorAll(TO_COME)].some((each) => each.getBoundingClientRect().top < innerHeight)
    if (!sent || toCome) return requestAnimationFrame(() => this.reveal())
    globalThis.pictureHeights?.measure(true)
    globalThis.pictureHeights?.begin()
    requestAnimationFrame(() => { document.documentElement.dataset.stands = "" })
  }

  // A drawer that was opened to choose a page has served its turn.
  opened(page) {
    if (this.page !== undefined && this.page !== page && innerWidth < PHONE) {
      const drawer = document.querySelector('[data-testid="stSidebar"][data-collapsed="false"]')
      drawer?.querySelector('[data-testid="stSidebarCollapseButton"] button')?.click()
    }
    this.page = page
  }

  // Tell the other windows of a lecture where this one has gone, and follow them.
  keepStep({ lecture, lesson }, follow) {
    this.follow = follow
    if (this.lecture !== lecture) {
      this.channel?.close()
      this.lecture = lecture
      this.channel = new BroadcastChannel(`lecture ${lecture}`)
      this.channel.onmessage = ({ data }) => {
        if (!this.lesson || data === this.lesson) return
        if (data === WHERE) return this.channel.postMessage(this.lesson)
        this.lesson = this.awaited = data
        this.follow(data)
      }
      this.channel.postMessage(WHERE)
    }
    if (this.awaited && lesson !== this.awaited) return // the script is still on its way there
    const moved = this.lesson && lesson && lesson !== this.lesson
    this.awaited = undefined
    this.lesson = lesson
    if (moved) this.channel.postMessage(lesson)
  }

  // Streamlit's own shortcuts sleep while any input has the focus, a slider as well as a text box. Here a key goes to its button
  // wherever the focus is, except where it is text, or presses what has the focus.
  keydown(event) {
    const target = event.composedPath()[0]
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || !target.closest || isText(target)) return
    if (event.key === " " ? pressed(target) : !target.matches("input")) return
    if (target.role === "combobox" && !(event.key in NAMED)) return // a letter looks for an option
    const button = buttonOf(NAMED[event.key] ?? event.key.toUpperCase())
    if (!button) return
    event.preventDefault()
    event.stopImmediatePropagation()
    if (!event.repeat) button.click()
  }

  // The printed sheet is as wide as the window: nothing is cut, and no picture needs to be drawn anew.
  fitSheet() {
    this.sheet.textContent = `@page { size: ${innerWidth}px ${Math.round(innerWidth * Math.SQRT2)}px; margin: 0 }`
  }
}

function isText(element) {
  if (element.isContentEditable || element.matches("textarea, select") || element.closest('[data-testid="stDataFrame"]')) return true
  if (element.role === "combobox") return element.ariaExpanded === "true"
  return element.matches("input") && /^(text|number|search|email|password|tel|url)$/.test(element.type)
}

// What Space presses. One of a row of segments is no such button: it is chosen already, or an arrow key chooses it.
function pressed(element) {
  if (element.matches('input[type="checkbox"]')) return true
  const button = element.closest("button, summary, [role=button]")
  return button !== null && button.role !== "radio" && !button.closest('[data-testid="stButtonGroup"]')
}

function keepFromShortcuts(event) {
  if (event.key === " " && event.target.closest && pressed(event.target)) event.stopPropagation()
}

function buttonOf(key) {
  const named = [...document.querySelectorAll(`[aria-label="Shortcut ${CSS.escape(key)}"]`)].map((each) => each.closest("button"))
  return named.find((button) => button && !button.disabled)
}
