// How high pictures are: as high as they ask to be, higher where the page would end above the bottom of the window, and a
// little lower where that spares the page a scroll bar.
//
// Whenever the page has changed and come to rest, every picture is put to its least height for a moment and the room below
// it is measured. So the result depends on the page alone, not on what was chosen before, and two pictures cannot chase one
// another. All components share one object, as pictures stand above and beside one another.

const QUIET = 150 // milliseconds without a change: the page has come to rest
const WAIT = 1000 // longest wait of a page that never rests; then pictures may only shrink
const GIVE = 0.8 // of the least height, where the page then fits the window

class Heights {
  constructor() {
    this.pictures = new Map() // element -> { least(), most(), change() and the chosen height }
    this.queue = [] // pictures to be drawn: { root, draw() }
    this.sizes = new ResizeObserver(() => this.changed())
    this.content = new MutationObserver((changes) => changes.some(outside) && this.changed())
  }

  // least(), most(): the bounds in pixels, asked at each measurement; change(): called when `picture.height` is another.
  add(root, picture) {
    root.style.overflow = "clip" // what has not been drawn anew yet takes no room
    picture.height = picture.least()
    root.style.height = `${picture.height}px`
    this.pictures.set(root, picture)
    const content = root.closest('[data-testid="stMainBlockContainer"]')
    if (!content) return // in a dialog: as high as it asks
    this.content.observe(content, { childList: true, subtree: true, characterData: true })
    this.sizes.observe(content)
    this.sizes.observe(content.closest('[data-testid="stMain"]'))
    this.changed()
  }

  // Draw a picture for the first time: not before its height has been found, as it would be drawn twice. One after another from
  // above, so that each is seen as soon as it is there; those below the window when there is nothing else to do.
  inTurn(root, draw) {
    return new Promise((resolve, reject) => {
      this.queue.push({ root, draw: () => draw().then(resolve, reject) })
      if (this.begun) this.begin()
    })
  }

  async begin() {
    this.begun = true
    if (this.drawing) return
    this.drawing = true
    while (this.queue.length) {
      if (topmost(this.queue) >= innerHeight) await idle()
      topmost(this.queue)
      await Promise.race([this.queue.shift().draw(), late()]) // one that is taken away meanwhile is never drawn
      await painted()
    }
    this.drawing = false
  }

  remove(root) {
    this.pictures.delete(root)
    if (this.pictures.size) return
    this.content.disconnect()
    this.sizes.disconnect()
  }

  changed() {
    clearTimeout(this.resting)
    this.resting = setTimeout(() => this.measure(true), QUIET)
    this.waiting ??= setTimeout(() => this.measure(false), WAIT)
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined
      const grown = [...this.pictures].find(([root, picture]) => root.isConnected && picture.height > picture.least())
      const main = grown?.[0].closest('[data-testid="stMain"]')
      if (main && beyond(main) > 0) this.measure(false) // no scroll bar, not for a moment
    })
  }

  measure(resting) {
    clearTimeout(this.waiting)
    this.waiting = undefined
    const hidden = getComputedStyle(document.documentElement).getPropertyValue("--page") === "hidden"
    if (hidden) this.anyway ??= setTimeout(() => this.begin(), WAIT) // window.js says when the page stands
    else this.begin()
    const shown = [...this.pictures].filter(([root]) => root.clientWidth && root.closest('[data-testid="stMain"]'))
    if (!shown.length) return
    const main = shown[0][0].closest('[data-testid="stMain"]')
    const scrolled = main.scrollTop
    for (const [root, picture] of shown) root.style.height = `${picture.least()}px`
    const anyway = beyond(main)
    const all = shown.map(([root, picture]) => ({ root, picture, least: picture.least(), box: root.getBoundingClientRect() }))
    for (const each of all) {
      const { picture, least } = each
      const fitting = Math.floor(least + (roomBelow(each.root, main) * least) / stacked(each, all))
      each.lowest = fitting < least && fitting >= GIVE * least ? fitting : least
      each.height = Math.max(each.lowest, Math.min(picture.most(), fitting))
      if (!resting) each.height = Math.min(each.height, picture.height)
    }
    for (const { root, height } of all) root.style.height = `${height}px`
    const over = Math.max(0, beyond(main) - anyway) // what the measurement has missed
    for (const { root, picture, lowest, height } of all) {
      const chosen = Math.max(lowest, height - over)
      root.style.height = `${chosen}px`
      if (chosen === picture.height) continue
      picture.height = chosen
      picture.change()
    }
    main.scrollTop = scrolled
  }
}

globalThis.pictureHeights ??= new Heights()
const heights = globalThis.pictureHeights

// A height in pixels is meant for the projector mode's text in a small window; where the text is larger, it is, too.
function leastHeight(pixels) {
  return Math.round(pixels * Math.max(1, parseFloat(getComputedStyle(document.documentElement).fontSize) / 20))
}

// By how much the page is higher than the window.
function beyond(main) {
  return main.scrollHeight - main.clientHeight
}

// Sorts pictures from above; where the highest begins.
function topmost(queue) {
  const top = ({ root }) => root.getBoundingClientRect().top
  return top(queue.sort((one, other) => top(one) - top(other))[0])
}

function painted() {
  return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))
}

function late() {
  return new Promise((resolve) => setTimeout(resolve, WAIT))
}

function idle() {
  return new Promise((resolve) => {
    if (globalThis.requestIdleCallback) requestIdleCallback(resolve, { timeout: WAIT })
    else setTimeout(resolve) // Safari
  })
}

function outside({ target }) {
  if (!target.isConnected) return false // in what was taken away meanwhile, which is a change of its own
  return !(target.closest ? target : target.parentElement)?.closest(".plot, .live-chart, .cursor-words")
}

// From the lower edge of an element down to the bottom of the window, less what stands in between.
function roomBelow(root, main) {
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize)
  let child = root, taken = 0
  for (; child !== main; child = child.parentElement) {
    const { bottom } = child.getBoundingClientRect()
    let lowest = bottom
    for (const other of child.parentElement.children) {
      const box = other.getBoundingClientRect()
      if (box.height && box.top >= bottom - 1 && !/absolute|fixed/.test(getComputedStyle(other).position)) {
        lowest = Math.max(lowest, box.bottom)
      }
    }
    const padding = parseFloat(getComputedStyle(child.parentElement).paddingBottom)
    const content = child.parentElement.dataset.testid === "stMainBlockContainer" // out of it a last paragraph's margin hangs
    taken += lowest - bottom + (content ? Math.max(padding, rem) : padding)
  }
  return main.getBoundingClientRect().bottom - root.getBoundingClientRect().bottom - main.scrollTop - taken
}

// The heights of a picture and of those above and below it, which share the room; of several side by side the highest counts.
function stacked(picture, all) {
  const rows = all.filter(({ root }) => !beside(root, picture.root)).sort((a, b) => a.box.top - b.box.top)
  let sum = 0, end = -Infinity, highest = 0
  for (const { box: { top, bottom }, least } of rows) {
    if (top >= end - 1) [sum, highest] = [sum + highest, 0]
    highest = Math.max(highest, least)
    end = Math.max(end, bottom)
  }
  return sum + highest
}

// Whether two pictures stand in different columns of one row.
function beside(one, other) {
  let shared = one
  while (!shared.contains(other)) shared = shared.parentElement
  const [a, b] = [one.getBoundingClientRect(), other.getBoundingClientRect()]
  return getComputedStyle(shared).flexDirection === "row" && (a.right <= b.left || b.right <= a.left)
}
