() => {
  const parse = (text) => {
    const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number)
    return { r, g, b, a }
  }
  const mixed = (top, below, share) => top * share + below * (1 - share)
  const over = (top, below) => ({
    r: mixed(top.r, below.r, top.a), g: mixed(top.g, below.g, top.a), b: mixed(top.b, below.b, top.a), a: 1,
  })
  const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  const light = ({ r, g, b }) =>
    0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255) + 0.05
  const EXEMPT =
    "script, style, annotation, [disabled], [aria-disabled=true], [data-testid=stIconMaterial], .heatmaplayer"
  const seen = { opacityProperty: true, visibilityProperty: true }
  const found = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walker.nextNode()) {
    const node = walker.currentNode, element = node.parentElement
    if (!node.data.trim() || element.closest(EXEMPT)) continue
    const range = document.createRange()
    range.selectNodeContents(node)
    const box = range.getBoundingClientRect()
    if (box.width < 2 || box.height < 2 || !element.checkVisibility(seen)) continue
    const style = getComputedStyle(element)
    const own = element instanceof SVGElement ? style.fill : style.color
    let colour = parse(own), backgrounds = [], faded = 1
    // a slider's value stands above the thumb that it belongs to
    const value = element.closest("[data-testid=stSliderThumbValue]")
    let up = value ? value.closest("[data-testid=stSlider]") : element
    for (; up; up = up.parentElement) {
      const css = getComputedStyle(up)
      faded *= Number(css.opacity)
      backgrounds.push(parse(css.backgroundColor))
      if (backgrounds.at(-1).a === 1) break
    }
    const white = { r: 255, g: 255, b: 255, a: 1 }
    const background = backgrounds.reverse().reduce((below, top) => over(top, below), white)
    colour = over({ ...colour, a: colour.a * faded }, background)
    const [low, high] = [light(colour), light(background)].sort((a, b) => a - b)
    const size = parseFloat(style.fontSize)
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700)
    const drawn = /^[^\p{L}\p{N}]$/u.test(node.data.trim())
    const where = element.closest("[data-testid]")?.dataset.testid
    const text = node.data.trim().slice(0, 40)
    found.push({ text, ratio: high / low, large: large || drawn, where })
  }
  return found
}
