"""A process that has everything imported and forks workers:
`python -m overparam.serving.workers.zygote FD FOLDER`.

A worker is there in hundredths of a second and holds little memory of its own. For each, the server
sends the end of a socket (`send_fds`). The zygote has no other thread when it forks, touches no
GPU, and ends with the server, whose end of FD then closes; what FOLDER holds is of no use then.
"""

from __future__ import annotations

import gc
import os
import shutil
import signal
import socket
import sys

from overparam.engine.device import prepare_thread
from overparam.engine.products import share_forms
from overparam.serving.workers.worker import serve_socket, warm_up


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the server
    control = socket.socket(fileno=int(sys.argv[1]))
    share_forms(sys.argv[2])
    prepare_thread()
    warm_up()
    gc.collect()
    gc.freeze()  # else the first collection in a child would touch, and so copy, every page
    signal.signal(
        signal.SIGCHLD, signal.SIG_IGN
    )  # nobody waits for them: the server sees their sockets close
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 16, 1)
        if not message:
            break
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            control.close()
            serve_socket(socket.socket(fileno=descriptors[0]))
            os._exit(0)
        os.close(descriptors[0])
    shutil.rmtree(sys.argv[2], ignore_errors=True)  # a server that was killed could not


if __name__ == "__main__":
    main()
