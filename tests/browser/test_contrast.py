"""Contrast as it is on the screen (WCAG 2): every text at least 4.5:1, or 3:1 where it is large, in
both themes."""

import pytest

from tests.browser.walk import settle

# Exempt: what a person cannot use just now (WCAG 1.4.3), names of icons, which are drawn as
# pictures, and numbers in the cells of a map, which do not stand on the page's background. A sign
# in a curve's colour counts as part of the curve: 3:1.
MEASURE = """() => {
  const parse = (text) => { const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number); return { r, g, b, a } }
  const over = (top, below) => ({ r: top.r * top.a + below.r * (1 - top.a), g: top.g * top.a + below.g * (1 - top.a),
                                  b: top.b * top.a + below.b * (1 - top.a), a: 1 })
  const light = ({ r, g, b }) => [r, g, b].map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4 })
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0.05)
  const EXEMPT = "script, style, annotation, [disabled], [aria-disabled=true], [data-testid=stIconMaterial], .heatmaplayer"
  const found = []
  for (const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT); walker.nextNode();) {
    const node = walker.currentNode, element = node.parentElement
    if (!node.data.trim() || element.closest(EXEMPT)) continue
    const range = document.createRange()
    range.selectNodeContents(node)
    const box = range.getBoundingClientRect()
    if (box.width < 2 || box.height < 2 || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue
    const style = getComputedStyle(element)
    const own = element instanceof SVGElement ? style.fill : style.color
    let colour = parse(own), backgrounds = [], faded = 1
    const value = element.closest("[data-testid=stSliderThumbValue]")  // stands above the thumb that it belongs to
    for (let up = value ? value.closest("[data-testid=stSlider]") : element; up; up = up.parentElement) {
      const css = getComputedStyle(up)
      faded *= Number(css.opacity)
      backgrounds.push(parse(css.backgroundColor))
      if (backgrounds.at(-1).a === 1) break
    }
    const background = backgrounds.reverse().reduce((below, top) => over(top, below), { r: 255, g: 255, b: 255, a: 1 })
    colour = over({ ...colour, a: colour.a * faded }, background)
    const [low, high] = [light(colour), light(background)].sort((a, b) => a - b), size = parseFloat(style.fontSize)
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700)
    const drawn = /^[^\\p{L}\\p{N}]$/u.test(node.data.trim())
    const where = element.closest("[data-testid]")?.dataset.testid
    found.push({ text: node.data.trim().slice(0, 40), ratio: high / low, large: large || drawn, where })
  }
  return found
}"""
PAGES = ("", "convergence", "where_depth_helps", "preconditioner", "preconditioner?view=run", "no_regularizer?view=proof&step=5",
         "no_regularizer?view=limits", "?lesson=why-7")  # fmt: skip


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("address", PAGES)
def test_text_can_be_read(open_page, serve, address, theme):
    page = open_page(f"{serve('app.py')}/{address}", theme=theme)
    page.locator(".main-svg, [data-testid=stMarkdown]").first.wait_for(state="attached")
    settle(page)
    texts = page.evaluate(MEASURE)
    assert len(texts) > 20
    faint = {
        (t["text"], round(t["ratio"], 2), t["where"])
        for t in texts
        if t["ratio"] < (3 if t["large"] else 4.5)
    }
    assert not faint
