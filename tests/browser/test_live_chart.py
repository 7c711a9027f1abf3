"""The streaming chart in Chromium: nothing blinks, nothing that the person did is lost, names are
shown as they are."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from overparam.ui.components import chart_js
from tests.browser.chart import CHART, PLOT, ranges, shown, wait_painted, watch_removals, zoom
from tests.browser.walk import settle

APP = "tests/browser/apps/streaming.py"
MARKUP = "<b>bold</b> & %{x} $y$"  # the name of that app's first curve

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def page(open_page, serve):
    """The app with a run of half a second."""
    return opened(open_page, serve, frames=5)


def opened(open_page, serve, frames, **how):
    page = open_page(f"{serve(APP)}/?frames={frames}", **how)
    page.wait_for_selector(f"{PLOT} .main-svg")
    return page


def choose(page, label):
    page.get_by_test_id("stMarkdownContainer").get_by_text(label, exact=True).click()


def data(page, name):
    return page.locator(CHART).get_attribute(f"data-{name}")


def wait_at_rest(page):
    """Wait until Plotly has drawn the last snapshot of a run that is over."""
    page.wait_for_function(
        f"""() => !document.querySelector("{CHART}").classList.contains("moving") &&
            document.querySelector("{PLOT}").data[0].x.at(-1) === 10000"""
    )


def hide(page, name):
    """Switch a curve off, or on again."""
    before = shown(page)
    page.get_by_role("button", name=name, exact=True).click()
    page.wait_for_function(
        f"document.querySelector('{PLOT}').data.filter(t => t.visible).length !== {len(before)}"
    )


def test_five_seconds_of_twelve_curves(open_page, serve):
    page = opened(open_page, serve, frames=50)
    watch_removals(page, CHART, ".live-chart-plot", ".main-svg")
    choose(page, "run")
    wait_painted(page, 3)
    hide(page, "curve 3")
    zoomed = zoom(page)
    page.get_by_text("finished").wait_for()
    sent = int(re.search(r"\d+", page.get_by_text(re.compile(r"^sent \d+$")).inner_text())[0])
    wait_at_rest(page)
    assert page.evaluate("window.removals") == 0
    assert ranges(page) == pytest.approx(zoomed)
    assert "curve 3" not in shown(page) and len(shown(page)) == 11
    assert (
        sent == 50 and int(data(page, "painted")) >= sent / 2
    )  # five a second, were the machine idle


def test_a_zoom_while_the_axis_is_eased_ends_at_rest(open_page, serve):
    page = opened(open_page, serve, frames=20)
    page.evaluate(f"""() => {{
        const plot = document.querySelector("{PLOT}")
        plot.on("plotly_relayout", (change) => {{
            if (!("yaxis.range" in change) || window.zoomed) return
            window.zoomed = plot._fullLayout.yaxis.range.slice()
            plot.emit("plotly_relayout", {{ "xaxis.range[0]": 1, "xaxis.range[1]": 2 }})
        }})
    }}""")
    choose(page, "run")
    page.wait_for_function("window.zoomed")
    page.get_by_text("finished").wait_for()
    wait_at_rest(page)
    assert ranges(page)[2:] == pytest.approx(page.evaluate("window.zoomed"))


def test_what_the_person_did_survives_other_widgets_and_the_next_run(page):
    choose(page, "run")
    page.get_by_text("finished").wait_for()
    hide(page, "curve 7")
    zoomed = zoom(page)
    choose(page, "run")  # off: the script runs without drawing
    choose(page, "nothing")
    page.get_by_text("finished").wait_for(state="detached")
    assert (
        ranges(page) == pytest.approx(zoomed)
        and "curve 7" not in shown(page)
        and len(shown(page)) == 11
    )
    page.get_by_role("slider").press("ArrowRight")
    choose(page, "run")
    page.wait_for_function(f"document.querySelector('{CHART}').dataset.run === 'speed 4'")
    assert ranges(page) == pytest.approx(zoomed) and "curve 7" not in shown(page)
    hide(page, "curve 7")  # the same switch shows it again
    assert "curve 7" in shown(page)


def test_a_slider_moved_during_a_run_ends_it(open_page, serve):
    page = opened(open_page, serve, frames=20)
    choose(page, "run")
    wait_painted(page, 3)
    page.evaluate("""() => {
        window.runs = []
        const root = document.querySelector(".live-chart")
        const note = () =>
            window.runs.at(-1) !== root.dataset.run && window.runs.push(root.dataset.run)
        new MutationObserver(note)
            .observe(root, { attributes: true })
    }""")
    page.get_by_role("slider").press("ArrowRight")
    page.get_by_text("finished").wait_for()
    wait_for = f"document.querySelector('{CHART}').dataset.run === 'speed 4'"
    page.wait_for_function(wait_for)
    assert page.evaluate("window.runs") in (["speed 3", "speed 4"], ["speed 4"])


def test_an_old_snapshot_is_ignored(page):
    choose(page, "run")
    page.get_by_text("finished").wait_for()
    choose(page, "run")
    received = data(page, "received")
    choose(page, "late snapshot of the first script run")
    page.wait_for_function(
        """() => [...document.querySelectorAll("[data-live-chart]")].some((sent) =>
        JSON.parse(atob(sent.dataset.head)).run === "late")"""
    )
    assert data(page, "run") == "speed 3" and len(shown(page)) == 12
    assert data(page, "received") == received  # nor does a rerun repeat the one that is shown


def test_the_x_axis_switches_between_logarithmic_and_linear(page):
    choose(page, "run")
    page.get_by_text("finished").wait_for()
    choose(page, "run")
    choose(page, "logarithmic")
    page.wait_for_function(f"document.querySelector('{PLOT}')._fullLayout.xaxis.type === 'linear'")
    assert ranges(page)[:2] == pytest.approx(
        [1, 1e4]
    )  # in the data's own units, not in their logarithms


def test_markup_in_a_name_is_shown_as_it_is(page):
    choose(page, "run")
    page.get_by_text("finished").wait_for()
    wait_at_rest(page)
    button = page.get_by_role("button", name=MARKUP, exact=True)
    assert button.inner_text() == MARKUP and button.locator("b").count() == 0
    end = page.eval_on_selector(
        PLOT,
        """p => { const t = p.data[0], l = p._fullLayout, i = 300
                  return [l.xaxis._offset + l.xaxis.d2p(t.x[i]),
                          l.yaxis._offset + l.yaxis.d2p(t.y[i])] }""",
    )
    box = page.locator(PLOT).bounding_box()
    page.mouse.move(box["x"] + end[0], box["y"] + end[1])
    hover = page.locator(f"{PLOT} .hoverlayer .hovertext")
    hover.wait_for()
    assert MARKUP in hover.text_content() and "note" in hover.text_content()


def test_theme_and_projector_reach_the_chart_without_reload(page):
    choose(page, "run")
    page.get_by_text("finished").wait_for()
    tick = f"{PLOT} .xtick text"

    def style(name):  # waits where the tick is just being redrawn
        read = f"getComputedStyle(document.querySelector('{tick}')).{name}"
        return page.wait_for_function(f"document.querySelector('{tick}') && {read}").json_value()

    colour, size = style("fill"), float(style("fontSize").removesuffix("px"))
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(
        f"getComputedStyle(document.querySelector('{tick}')).fill !== '{colour}'"
    )
    page.add_style_tag(content="html { font-size: 24px }")
    page.wait_for_function(
        f"parseFloat(getComputedStyle(document.querySelector('{tick}')).fontSize) > {1.4 * size}"
    )


@pytest.mark.parametrize("size", [(1280, 720), (390, 800)])
def test_labels_never_overlap_each_other_or_the_plot(open_page, serve, size):
    page = opened(open_page, serve, frames=5, size=size)
    choose(page, "run")
    page.get_by_text("finished").wait_for()
    page.wait_for_timeout(1500)  # the chart comes to rest a moment after its last picture
    boxes = page.eval_on_selector_all(
        f"{CHART} li", "all => all.map(li => li.getBoundingClientRect().toJSON())"
    )
    boxes.append(
        page.eval_on_selector(f"{PLOT} .nsewdrag", "p => p.getBoundingClientRect().toJSON()")
    )
    assert len(boxes) == 13
    for i, a in enumerate(boxes):
        assert a["right"] <= size[0]
        for b in boxes[:i]:
            apart = a["right"] <= b["left"] or b["right"] <= a["left"]
            assert (
                apart or a["bottom"] <= b["top"] + 2 or b["bottom"] <= a["top"] + 2
            )  # rows may touch
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_picture_can_be_saved(page, kind):
    choose(page, "run")
    page.get_by_text("finished").wait_for()
    page.locator(PLOT).hover()
    with page.expect_download() as saving:
        page.locator(f"{PLOT} [data-title='Download this picture as {kind.upper()}']").click()
    assert saving.value.suggested_filename == f"twelve.{kind}"
    content = Path(saving.value.path()).read_bytes()
    if kind == "png":
        assert content.startswith(b"\x89PNG")
    else:
        texts = {
            "".join(text.itertext()) for text in ElementTree.fromstring(content).iter(f"{SVG}text")
        }
        assert {MARKUP, "curve 11", "iteration", "gap"} <= texts


def test_a_missing_library_is_said_in_a_sentence(open_page, serve):
    page = open_page("about:blank")
    page.route("**/plotly.min.js*", lambda route: route.fulfill(status=404, body="gone"))
    page.goto(serve(APP))
    page.get_by_text("The drawing library did not load").wait_for()
    page.faults.clear()


@pytest.mark.parametrize(
    ("address", "slider", "pictures"),
    [("convergence", "Loss exponent p", 1), ("plateaus", "Weight decay λ", 2)],
)
def test_pictures_that_change_before_their_script_has_come_are_drawn(
    open_page, serve, address, slider, pictures
):
    """Streamlit then mounts them twice at once, and ends the first of the two last."""
    page, held = open_page("about:blank"), []
    page.route(re.compile(re.escape(chart_js.ROUTE)), lambda request: held.append(request))
    page.goto(f"{serve('app.py')}/{address}")
    page.locator(".stBidiComponent").nth(pictures).wait_for(state="attached")
    page.add_style_tag(content="html { --page: visible !important; }")  # before it stands
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    before = page.url
    page.get_by_role("slider", name=slider).press("ArrowRight")
    page.wait_for_url(lambda url: url != before)
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    for request in held:
        request.continue_()
    page.locator(".stBidiComponent .main-svg").first.wait_for(state="attached")
    page.wait_for_function(
        "count => [...document.querySelectorAll('.plot, .live-chart-plot')]"
        ".filter(each => each.querySelector('.main-svg')).length === count",
        arg=pictures,
        timeout=30_000,
    )


def test_a_call_that_was_overtaken_does_not_take_the_chart_along(open_page, serve):
    """Streamlit may end it before the next one; the chart goes when its page is left."""
    page = open_page("about:blank")
    whole = chart_js.TEXT.replace("export default function", "function mount")
    whole += "export default (mounted) => { const end = mount(mounted); end(); return end }"
    script = re.compile(re.escape(chart_js.ROUTE))
    page.route(script, lambda it: it.fulfill(body=whole, content_type="text/javascript"))
    page.goto(f"{serve('app.py')}/preconditioner")
    page.locator(".plot .main-svg").first.wait_for(state="attached")
    settle(page)
    watch_removals(page, ".plot", ".plot .main-svg")
    before = page.url
    page.get_by_role("slider").first.press("ArrowRight")
    page.wait_for_url(lambda url: url != before)
    settle(page)
    assert page.evaluate("window.removals") == 0
    page.evaluate("""() => {
        const purge = Plotly.purge
        Plotly.purge = (plot) => { purge(plot); window.purged = true }
    }""")
    page.get_by_role("link", name="No regularizer").first.click()
    page.wait_for_function("window.purged")


def test_a_script_that_did_not_come_is_asked_for_again(open_page, serve):
    page, lost = open_page("about:blank"), []
    script = re.compile(re.escape(chart_js.ROUTE) + "$")
    page.route(script, lambda request: (lost.append(request), request.abort()))
    page.goto(f"{serve('app.py')}/convergence")
    page.locator(".live-chart .main-svg").first.wait_for(state="attached")
    assert lost
    page.faults.clear()  # what was lost on purpose
