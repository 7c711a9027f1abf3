"""The program that compares with and without depth on digits: fair starts, honest words."""

import math

import numpy as np
import pytest
import torch

from overparam.digits_pair import (
    LOSSES,
    METHODS,
    best_of_grid,
    digits,
    epochs_to,
    l4,
    main,
    network,
)


def test_every_depth_starts_from_the_same_function():
    x, *_ = digits()
    assert x.shape == (1437, 64) and {method.depth for method in METHODS} == {1, 2, 3}
    with torch.no_grad():
        plain = network(0, 1)(x)
        for depth in (2, 3):
            torch.testing.assert_close(network(0, depth)(x), plain, rtol=0, atol=1e-5)


def test_the_l4_loss_is_that_of_the_package():
    from overparam.engine.losses import lp
    from overparam.engine.problem import Problem

    inputs, labels = np.eye(3), torch.tensor([1, 0, 2])
    weight = torch.arange(30.0, dtype=torch.float64).reshape(1, 10, 3) / 30
    problem = Problem(inputs, np.eye(10)[labels.numpy()], lp(4))
    wanted = problem.value_and_grad(weight)[0][0]
    torch.testing.assert_close(l4(weight[0].mT, labels), wanted)


@pytest.mark.parametrize(
    ("losses", "epochs"),
    [
        ([5, 0.9, 2, 0.05], [2, 4]),  # the first arrival counts, not the last
        ([0.01], [1, 1]),
        ([5, 0.5, math.nan, 0.01], [2, 5]),  # a run that diverged does not arrive
        ([9, 9, 9, 9, 0.01], [5, 5]),  # too late
    ],
)
def test_epochs_to_goals(losses, epochs):
    assert epochs_to(iter(losses), (1, 0.1), most=4) == epochs


def test_best_of_a_grid_in_words():
    epochs = np.array([[5, 5], [3, 4], [9, 2]])
    assert best_of_grid(epochs, [0.1, 0.2, 0.4], 10) == "3.5 [3-4] at 0.2"
    assert best_of_grid(epochs[1:], [0.2, 0.4], 10) == "3.5 [3-4] at 0.2, the grid's edge"
    assert best_of_grid(epochs, [0.1, 0.2, 0.4], 3) == "1 of 2 in 3, at 0.2"
    assert best_of_grid(epochs, [0.1, 0.2, 0.4], 8) == "3.5 [3-4] at 0.2"
    slow = np.array([[9, 2], [7, 7], [7, 7], [7, 7]])  # one that misses loses; the middle of equals
    assert best_of_grid(slow, [0.1, 0.2, 0.3, 0.4], 8) == "7.0 [7-7] at 0.3"


def test_it_prints_a_line_for_every_method(capsys):
    main(["l4", "decay", "--seeds", "1", "--epochs", "1"])
    lines = capsys.readouterr().out.splitlines()
    assert [line[2:18].strip() for line in lines[1:9]] == [method.name for method in METHODS]
    assert len(lines) == 1 + len(METHODS) + 4 and "l4" in LOSSES


def test_an_unknown_part_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["l5"])
    assert "no part is called l5; there are cross-entropy, l4, decay" in capsys.readouterr().err
