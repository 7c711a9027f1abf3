"""The page on plateaus in Chromium: a click on a run takes its layers apart."""


def test_a_click_on_an_escape_time_opens_that_runs_imbalance(open_page, serve):
    page = open_page(f"{serve('app.py')}/plateaus?N=3&small=123&seeds=2&least=0.01")
    page.get_by_text("All 10 nets escaped.").wait_for()
    page.wait_for_function(  # its words may be there before its picture has all points
        "document.querySelectorAll('.plot.js-plotly-plot')[1]?._fullData?.[0]?.y.length === 10"
    )
    place = page.eval_on_selector_all(
        ".plot.js-plotly-plot",
        """([_, p]) => {
            const box = p.querySelector(".nsewdrag").getBoundingClientRect()
            const { xaxis, yaxis } = p._fullLayout, { x, y } = p._fullData[0]
            return [box.left + xaxis.d2p(x[7]), box.top + yaxis.d2p(y[7])]
        }""",
    )
    page.mouse.click(*place)
    page.wait_for_function("new URL(location.href).searchParams.get('view') === 'balance'")
    page.get_by_text("ε = 0.0178, start 1.").wait_for()
