"""What app.py adds to Streamlit's server."""

import gzip
import http.client
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from streamlit import config

from overparam.ui.components import chart_js, plotly_js
from overparam.ui.shell import frontend
from overparam.ui.shell.document_head import DocumentHead
from overparam.ui.shell.look import ROOM_FOR_SIDEBAR
from overparam.ui.shell.server import head, no_delay, routes
from tests.asgi import listening, play

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def port():
    with listening(routes()) as port:
        yield port


def asked(port, script, encoding):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", f"/{script.ROUTE}", headers={"Accept-Encoding": encoding})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.headers, body


@pytest.mark.parametrize("script", [plotly_js, chart_js])
def test_large_scripts_come_compressed_and_may_be_kept(port, script):
    headers, body = asked(port, script, "gzip, br")
    assert headers["content-encoding"] == "gzip" and "immutable" in headers["cache-control"]
    assert len(body) < len(script.plain()) / 2 and gzip.decompress(body) == script.plain()
    headers, body = asked(port, script, "identity")
    assert headers["content-encoding"] is None and body == script.plain()


def test_routes_stand_below_the_path_of_the_app(monkeypatch):
    monkeypatch.setattr(config, "get_option", lambda name: {"server.baseUrlPath": "/depth/"}[name])
    assert all(route.path.startswith("/depth/") for route in routes())


def test_accepted_connections_send_small_messages_at_once():
    with socket.socket(socket.AF_INET) as listening:  # without a protocol, as Streamlit makes it
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        assert no_delay() >= 1
        with socket.create_connection(listening.getsockname()):
            accepted, _ = listening.accept()
            with accepted:
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def _document(scope, receive, send):
    """A server of one document, which says how it was asked to compress it."""
    body = b"<html><head></head><body></head></body></html>"
    headers = [
        (b"content-type", b"text/html"),
        (b"etag", b"1"),
        (b"content-length", b"%d" % len(body)),
    ]
    asked = b",".join(value for name, value in scope["headers"] if name == b"accept-encoding")
    await send({"type": "http.response.start", "status": 200, "headers": [*headers, (b"x", asked)]})
    await send({"type": "http.response.body", "body": body[:10], "more_body": True})
    await send({"type": "http.response.body", "body": body[10:]})


def _answer(accept: bytes) -> tuple[dict[bytes, bytes], bytes]:
    sent = []

    async def send(message):
        sent.append(message)

    headers = [(b"accept", accept), (b"accept-encoding", b"gzip")]
    scope = {"type": "http", "method": "GET", "headers": headers}
    scope |= {"path": "/page", "query_string": b"a=1"}
    play(DocumentHead(_document, lambda path, query: f"<!--{path} {query}-->")(scope, None, send))
    return dict(sent[0]["headers"]), b"".join(message["body"] for message in sent[1:])


def test_the_drawing_library_is_called_in_parentheses():
    served, file = plotly_js.plain(), plotly_js.FILE.read_bytes()
    assert len(served) == len(file) + 2 and b"this, (() => {" in served


def test_what_a_page_will_ask_for_is_asked_for_with_the_document():
    links = re.findall(r'href="\./([^"]+)"', frontend.asked())
    assert len(links) == len(set(links)) and any("BidiComponent" in link for link in links)
    assert all((frontend.FOLDER / link).is_file() for link in links)
    document = (frontend.FOLDER / "index.html").read_text(encoding="utf-8")
    assert not any(link in document for link in links)


def test_a_page_has_ours_in_its_head_and_no_stale_copy_is_kept():
    headers, body = _answer(b"text/html,*/*")
    assert body == b"<html><head><!--/page a=1--></head><body></head></body></html>"
    assert int(headers[b"content-length"]) == len(body) and b"etag" not in headers
    assert headers[b"x"] == b""  # it comes uncompressed


def test_what_is_no_page_is_left_alone():
    headers, body = _answer(b"*/*")
    assert body == b"<html><head></head><body></head></body></html>"
    assert headers[b"etag"] == b"1" and headers[b"x"] == b"gzip"


def test_the_head_of_every_page_has_the_look_and_asks_for_the_drawing_library():
    written = head("/", "")
    assert "padding-inline" in written and "app_tools" in written
    assert f'src="./{plotly_js.ROUTE}"' in written
    own = written.replace(frontend.asked(), "")
    assert own.count("<") == 7  # a style sheet and three scripts
    assert "stTopNav" in written and "stTopNav" not in head("/", "embed=true")


@pytest.mark.parametrize(
    ("path", "query", "kept"),
    [
        ("/convergence", "", True),
        ("/depth/convergence", "p=4", True),  # served below a path
        ("/convergence", "projector=1", False),
        ("/convergence", "projector=0", True),
        ("/convergence", "embed=true", False),
        ("/preconditioner", "", False),
        ("/", "", False),
    ],
)
def test_room_is_kept_for_a_sidebar_where_one_opens(path, query, kept):
    assert (ROOM_FOR_SIDEBAR in head(path, query)) == kept


WARM = """
import sys
from streamlit.testing.v1 import AppTest
from overparam.ui.warm import warm_up
warm_up()
before = set(sys.modules)
page = AppTest.from_file(sys.argv[1], default_timeout=120).run()
assert not page.exception and page.title
print(*(set(sys.modules) - before))
"""


@pytest.mark.slow
def test_a_warm_server_has_imported_what_its_first_page_needs():
    done = subprocess.run(
        [sys.executable, "-c", WARM, ROOT / "app.py"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    ours_and_heavy = ("overparam", "torch", "scipy", "sklearn.utils", "pandas")
    assert [name for name in done.stdout.split() if name.startswith(ours_and_heavy)] == []
