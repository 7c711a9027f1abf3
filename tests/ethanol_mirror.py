"""A stand-in for the server of the paper's data set: archives in the published form, sent well,
slowly, broken or lying."""

from __future__ import annotations

import http.server
import io
import threading
import zipfile

import numpy as np


def batch_text(inputs: np.ndarray, target: np.ndarray, gas: int = 1) -> str:
    """Lines in the published form."""
    lines = (
        f"{gas};{float(y)!r} " + " ".join(f"{j + 1}:{float(v)!r}" for j, v in enumerate(x)) + " "
        for x, y in zip(inputs, target, strict=True)
    )
    return "".join(line + "\r\n" for line in lines)


def archive(inputs: np.ndarray, target: np.ndarray, batch: np.ndarray, folder: str = "") -> bytes:
    """A zip of ten batches with the given rows of class 1, each among rows of another gas."""
    other = batch_text(np.ones((1, 128)), np.ones(1), gas=2)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as z:
        for b in range(1, 11):
            text = other + batch_text(inputs[batch == b], target[batch == b]) + other
            z.writestr(f"{folder}batch{b}.dat", text)
    return buffer.getvalue()


class Server(http.server.ThreadingHTTPServer):
    """Serves `body` under any path, in the manner of `mode`; counts requests."""

    daemon_threads = True
    body, mode, requests = b"", "ok", 0

    def __init__(self):
        self.release = threading.Event()
        super().__init__(("127.0.0.1", 0), Handler)

    def handle_error(self, request, client_address):
        pass  # clients hang up on purpose here

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/archive.zip"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *args):
        pass

    def do_GET(self):
        server = self.server
        server.requests += 1
        if server.mode.isdecimal():
            self.send_error(int(server.mode))
        elif server.mode == "silent":
            server.release.wait(30)
        else:
            self.send_response(200)
            if server.mode != "length unknown":
                self.send_header(
                    "Content-Length", str(10**10 if server.mode == "huge" else len(server.body))
                )
            self.end_headers()
            half = len(server.body) // 2
            self.wfile.write(server.body[:half])
            self.wfile.flush()
            if server.mode in ("stall", "slow"):
                server.release.wait(30)
            if server.mode not in ("stall", "cut", "huge"):
                self.wfile.write(server.body[half:])
