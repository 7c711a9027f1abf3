"""The streaming chart, as tests look at it and drive it."""

CHART = ".live-chart"
PLOT = f"{CHART} .js-plotly-plot"


def watch_removals(page, *selectors: str) -> None:
    """Count from now on, in `window.removals`, whenever one of these leaves the page."""
    page.evaluate(
        """(selectors) => {
            window.removals = 0
            const kept = selectors.map((s) => document.querySelector(s))
            const gone = () => kept.filter((node) => !node.isConnected).length
            new MutationObserver(() => { window.removals += gone() })
                .observe(document.body, { childList: true, subtree: true })
        }""",
        selectors,
    )


def painted(page) -> int:
    """How often it has been drawn."""
    return int(page.locator(CHART).get_attribute("data-painted") or 0)


def wait_painted(page, more: int) -> None:
    """Wait for a number of drawings from now."""
    page.wait_for_function(
        f"Number(document.querySelector('{CHART}').dataset.painted) >= {painted(page) + more}"
    )


def ranges(page) -> list[float]:
    """Of both axes."""
    return page.eval_on_selector(
        PLOT, "p => [...p._fullLayout.xaxis.range, ...p._fullLayout.yaxis.range]"
    )


def shown(page) -> list[str]:
    """Names of the curves that are not switched off."""
    return page.eval_on_selector(
        PLOT, "p => p.data.filter(t => t.visible === true).map(t => t.meta[0])"
    )


def zoom(page, box: dict | None = None) -> list[float]:
    """Drag a rectangle over the plot; return the ranges it gave.

    Args: box: of the plot, where it has just been waited for.
    """
    before, box = ranges(page), box or page.locator(f"{PLOT} .nsewdrag").bounding_box()
    page.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + 0.1 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.7 * box["height"], steps=5)
    page.mouse.up()
    page.wait_for_function(
        f"document.querySelector('{PLOT}')._fullLayout.xaxis.range[1] < {before[1]} - 0.1"
    )
    return ranges(page)
