"""The gate: never more inside than places, and first come, first served."""

import threading
import time

from overparam.engine.turns import Gate


def test_never_more_inside_than_places():
    gate, inside, most, lock = Gate(2), 0, [], threading.Lock()

    def work():
        nonlocal inside
        for _ in range(50):
            with gate:
                with lock:
                    inside += 1
                    most.append(inside)
                time.sleep(0.0002)
                with lock:
                    inside -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 2 and len(most) == 400


def test_those_who_wait_are_let_in_in_order():
    """A thread that leaves and asks again comes after all who waited: with one place everybody
    takes turns."""
    gate, order = Gate(1), []

    def work(name):
        for _ in range(20):
            with gate:
                order.append(name)
                time.sleep(0.0005)

    with gate:
        threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
        for thread in threads:
            thread.start()
        while len(gate._queue) < 4:  # all wait
            time.sleep(0.001)
    for thread in threads:
        thread.join()
    for turn in range(19):
        assert set(order[4 * turn : 4 * turn + 4]) == {0, 1, 2, 3}


def test_a_failure_inside_gives_the_place_back():
    gate = Gate(1)
    for _ in range(3):
        try:
            with gate:
                raise ValueError
        except ValueError:
            pass
    with gate:
        pass
