"""What goes wrong between the browser and the server during a run: the person loses nothing, and no
message is left behind."""

import json
import re
from contextlib import ExitStack

import pytest

from overparam.ui.race.show import PATIENCE
from tests.browser.chart import CHART, shown
from tests.browser.server import serving, unused_port
from tests.browser.test_race import iteration
from tests.browser.walk import settle

QUERY = "problem=synthetic&p=4.5&steps=shared&step=0.001&iterations=1000000&methods=1_gd~2_gd~3_gd"
CONNECTED = "[data-testid=stApp][data-test-connection-state=CONNECTED]"


def wait_for_curves(page) -> None:
    page.wait_for_function(
        f"Number(document.querySelector('{CHART}')?.dataset.painted) > 0", timeout=90_000
    )


def is_running(page) -> None:
    """Wait until the run has visibly moved on."""
    page.get_by_role("button", name="Pause").wait_for()
    at = iteration(page)
    page.wait_for_function(
        "Number(document.body.innerText.match(/iteration ([\\d,]+) of/)?.[1].replaceAll(',', ''))"
        f" > {at}",
        timeout=60_000,
    )


def opened(new_page) -> tuple:
    """A page, and the connections that it makes: both ends of each."""
    page, connections = new_page(), []
    page.route_web_socket(
        re.compile("_stcore/stream"),
        lambda socket: connections.append((socket, socket.connect_to_server())),
    )
    return page, connections


def drop(page, connections: list) -> None:
    """Close the connection, and wait until the page has made another by itself."""
    before = len(connections)
    for end in connections[-1]:
        end.close()
    wait_for_more(page, connections, before)


def wait_for_more(page, connections: list, before: int) -> None:
    """Wait until the page has made more connections by itself, and is connected."""
    for _ in range(300):
        if len(connections) > before:
            break
        page.wait_for_timeout(100)
    assert len(connections) > before
    page.locator(CONNECTED).wait_for()


def test_a_dropped_connection_comes_back_and_the_run_goes_on(serve, new_page):
    page, connections = opened(new_page)
    page.goto(f"{serve('app.py')}/convergence?{QUERY}")
    wait_for_curves(page)
    page.keyboard.press("Space")
    is_running(page)
    drop(page, connections)
    is_running(page)
    assert (
        len(shown(page)) == 3
        and "p=4.5" in page.url
        and page.locator("[data-testid=stException]").count() == 0
    )


def test_a_race_plays_although_its_own_stream_does_not_come_through(serve, open_page):
    page = open_page("about:blank")
    page.route_web_socket(re.compile("/watch$"), lambda socket: socket.close())
    page.goto(f"{serve('app.py')}/convergence?{QUERY}")
    wait_for_curves(page)
    page.keyboard.press("Space")
    is_running(page)
    assert page.locator(".stException").count() == 0


def test_a_stream_that_was_lost_for_a_while_carries_the_race_again(serve, open_page):
    page, streams, lost = open_page("about:blank"), [], []

    def through(socket) -> None:
        if lost:
            socket.close()
        else:
            streams.append((socket, socket.connect_to_server()))

    page.route_web_socket(re.compile("/watch$"), through)
    page.goto(f"{serve('app.py')}/convergence?{QUERY}")
    wait_for_curves(page)
    settle(page)
    page.keyboard.press("Space")
    is_running(page)
    lost.append(streams[-1])
    for end in lost[0]:
        end.close()
    page.wait_for_timeout(1000 * (PATIENCE + 2))
    lost.clear()
    wait_for_more(page, streams, 1)
    is_running(page)


def play(serve, page, query: str, passes) -> list[int]:
    """Begin a race whose browser is heard by its own stream only where `passes(text, close)` lets
    it; the sizes of the frames that come."""
    frames = []

    def through(socket) -> None:
        server = socket.connect_to_server()

        def close() -> None:
            socket.close()
            server.close()

        def hear(data) -> None:
            frames.append(len(data))
            socket.send(data)

        socket.on_message(lambda text: passes(text, close) and server.send(text))
        server.on_message(hear)

    page.route_web_socket(re.compile("/watch$"), through)
    page.goto(f"{serve('app.py')}/convergence?{query}")
    wait_for_curves(page)
    settle(page)
    page.keyboard.press("Space")
    return frames


def test_a_browser_that_watches_is_waited_for_although_it_is_silent(serve, open_page):
    """In a hall its word may take long to come."""
    page, silent = open_page("about:blank"), [True]
    frames = play(serve, page, QUERY, lambda text, _: not (silent and "order" in json.loads(text)))
    page.get_by_role("button", name="Pause").wait_for()
    page.wait_for_timeout(1000 * (PATIENCE + 2))
    silent.clear()
    is_running(page)
    before = len(frames)
    is_running(page)
    assert len(frames) > before


def test_an_end_that_the_server_did_not_hear_of_is_said_again(serve, open_page):
    page, lost, heard = open_page("about:blank"), [], []

    def passes(text, close) -> bool:
        if json.loads(text).get("at") != 1000:
            return True
        (heard if lost else lost).append(text)
        if not heard:
            close()
        return bool(heard)

    play(serve, page, QUERY.replace("1000000", "1000"), passes)
    wait_for_more(page, heard, 0)
    page.get_by_role("button", name="Run").wait_for()
    assert iteration(page) == 1000


def test_in_a_hall_curves_play_at_once_and_their_scripts_hear_of_it_one_by_one(serve, open_page):
    """Within a minute of a long run; of one that is over within a fifth of that."""
    page, heard = open_page("about:blank"), []

    def through(socket) -> None:
        server = socket.connect_to_server()
        server.on_message(socket.send)
        socket.on_message(lambda text: (heard.append(json.loads(text)), server.send(text)))
        socket.send(json.dumps({"viewers": 501}))

    page.route_web_socket(re.compile("/watch$"), through)
    page.goto(f"{serve('app.py')}/convergence?{QUERY.replace('1000000', '1000')}")
    wait_for_curves(page)
    settle(page)
    page.evaluate("""() => {
        window.delays = []
        const later = setTimeout
        window.setTimeout = (work, delay, ...more) => {
            delays.push(delay)
            return later(work, delay, ...more)
        }
        Math.random = () => 0.1
    }""")
    page.keyboard.press("Space")
    page.wait_for_function("delays.includes(500 * 120 * 0.1)")
    page.wait_for_function("delays.includes(500 * 25 * 0.1)")
    assert {"until": 1000} in heard and 1000 in [word.get("at") for word in heard]
    page.get_by_text("iteration 1,000 of 1,000").wait_for()
    page.get_by_role("button", name="Run").wait_for()


def test_a_script_that_has_heard_of_a_start_but_not_answered_hears_of_it_once(serve, open_page):
    """A second press would begin the run again that is over."""
    page, said, late, held = open_page("about:blank"), [], [], []

    def watched(socket) -> None:
        server = socket.connect_to_server()
        server.on_message(socket.send)
        socket.on_message(lambda text: (said.append(json.loads(text)), server.send(text)))
        socket.send(json.dumps({"viewers": 501}))

    def answered(socket) -> None:
        server = socket.connect_to_server()
        server.on_message(lambda data: late.append((socket, data)) if held else socket.send(data))
        socket.on_message(server.send)

    page.route_web_socket(re.compile("/watch$"), watched)
    page.route_web_socket(re.compile("/_stcore/stream$"), answered)
    page.goto(f"{serve('app.py')}/convergence?{QUERY.replace('1000000', '1000')}")
    wait_for_curves(page)
    settle(page)
    page.evaluate("""() => {
        window.presses = 0
        document.querySelector(".st-key-race_run button")
            .addEventListener("click", () => { presses += 1 })
        Math.random = () => 0
    }""")
    held.append(True)
    page.keyboard.press("Space")
    for _ in range(600):
        if 1000 in [word.get("at") for word in said]:
            break
        page.wait_for_timeout(100)
    page.wait_for_timeout(500)
    assert late and page.evaluate("presses") == 1
    held.clear()
    for socket, data in late:
        socket.send(data)
    page.get_by_text("iteration 1,000 of 1,000").wait_for()
    page.get_by_role("button", name="Run").wait_for()


@pytest.mark.parametrize("playing", [True, False])
def test_after_a_sleep_no_key_is_lost_in_a_dead_connection(serve, new_page, playing):
    page = new_page(first_visit=True)
    page.clock.install()
    alive, connections = set(), []

    def through(socket) -> None:
        server = socket.connect_to_server()
        alive.add(socket)
        socket.on_message(lambda said: socket in alive and server.send(said))
        server.on_message(lambda said: socket in alive and socket.send(said))
        if "_stcore" in socket.url:
            connections.append(socket)

    page.route_web_socket(re.compile("/_stcore/stream$|/watch$"), through)
    page.goto(f"{serve('app.py')}/convergence?{QUERY}")
    wait_for_curves(page)
    settle(page)
    if playing:
        page.keyboard.press("Space")
        is_running(page)
    alive.clear()  # neither side hears of it
    before = len(connections)
    page.clock.fast_forward("10:00")
    wait_for_more(page, connections, before)
    if not playing:
        settle(page)  # keys wait for the new connection
        page.keyboard.press("Space")
    is_running(page)
    page.keyboard.press("Space")
    page.get_by_role("button", name="Run").wait_for()
    assert page.locator("[data-testid=stException]").count() == 0


@pytest.fixture
def restart(tmp_path):
    """Starts the app, or ends it without warning and starts it anew at the same address."""
    port = unused_port()
    with ExitStack() as running:

        def start() -> str:
            running.close()
            return running.enter_context(serving("app.py", tmp_path / "log", port))

        yield start


def test_a_restarted_server_finds_every_choice_in_the_address(new_page, restart):
    page = new_page()
    page.goto(f"{restart()}/convergence?{QUERY}")
    wait_for_curves(page)
    page.keyboard.press("Space")
    is_running(page)
    restart()
    page.get_by_role("button", name="Run").wait_for(
        timeout=60_000
    )  # the new server knows of no run
    page.locator(CONNECTED).wait_for()
    assert (
        page.get_by_role("slider", name="Loss exponent p").input_value() == "4.5"
        and len(shown(page)) == 3
    )
    settle(page)  # keys wait for the new connection
    page.keyboard.press("Space")
    is_running(page)
    assert page.locator("[data-testid=stException]").all_inner_texts() == []


def test_what_is_done_first_is_not_lost_on_a_server_that_was_restarted(new_page, restart):
    """At rest the browser says nothing when it comes back: the new server hears of it by this."""
    page, connections = opened(new_page)
    page.goto(f"{restart()}/convergence?{QUERY}")
    wait_for_curves(page)
    settle(page)
    before = len(connections)
    restart()
    wait_for_more(page, connections, before)
    page.get_by_role("slider", name="Loss exponent p").press("ArrowRight")
    page.wait_for_url(re.compile(r"[?&]p=4\.75"))
    settle(page)
    page.wait_for_timeout(1000)
    assert page.get_by_role("slider", name="Loss exponent p").input_value() == "4.75"
    assert "p=4.75" in page.url and len(shown(page)) == 3
    before = len(connections)
    restart()
    wait_for_more(page, connections, before)
    page.keyboard.press("Space")
    is_running(page)
    assert page.locator("[data-testid=stException]").all_inner_texts() == []


ROWS = "".join(f"{i % 7},{i % 5},{(i * i) % 11}\n" for i in range(60)).encode()


def test_a_file_outlives_a_dropped_connection_and_a_new_server_asks_for_it(new_page, restart):
    page, connections = opened(new_page)
    page.goto(f"{restart()}/convergence?problem=csv&steps=shared&step=0.001&iterations=1000000")
    page.locator("input[type=file]").set_input_files(
        {"name": "mine.csv", "mimeType": "text/csv", "buffer": b"a,b,y\n" + ROWS}
    )
    wait_for_curves(page)
    drop(page, connections)
    page.keyboard.press("Space")
    is_running(page)
    page.get_by_text("60 rows, 2 inputs").wait_for()
    restart()
    page.get_by_text("choose it once more").wait_for(timeout=90_000)
    settle(page)
    assert page.get_by_text("choose it once more").count() == 1
    assert page.get_by_text("mine.csv").count() == 0
    assert page.locator("[data-testid=stException]").all_inner_texts() == []
