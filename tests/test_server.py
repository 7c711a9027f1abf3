"""What app.py adds to Streamlit's server."""

import gzip
import http.client
import socket

import pytest
from streamlit import config

from overparam.ui.components import plotly_js
from overparam.ui.shell.server import no_delay, routes
from tests.asgi import listening


@pytest.fixture(scope="module")
def port():
    with listening(routes()) as port:
        yield port


def asked(port, encoding):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", f"/{plotly_js.ROUTE}", headers={"Accept-Encoding": encoding})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.headers, body


def test_the_drawing_library_comes_compressed_and_may_be_kept(port):
    headers, body = asked(port, "gzip, br")
    assert headers["content-encoding"] == "gzip" and "immutable" in headers["cache-control"]
    assert len(body) < len(plotly_js.plain()) / 2 and gzip.decompress(body) == plotly_js.plain()
    headers, body = asked(port, "identity")
    assert headers["content-encoding"] is None and body == plotly_js.plain()


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
