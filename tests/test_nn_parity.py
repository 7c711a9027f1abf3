"""Training an overparameterized layer is the package's own simulation; so is the rule."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_diabetes, load_digits
from torch import nn

from overparam.engine.losses import lp
from overparam.engine.problem import Problem
from overparam.engine.simulation import Method, Simulation
from overparam.nn import EndToEnd, imbalance, overparameterize

STEPS, DECAY, LR = 200, 0.01, 0.01


def standardised(columns: np.ndarray) -> np.ndarray:
    columns = columns[:, columns.std(axis=0) > 0]
    return (columns - columns.mean(axis=0)) / columns.std(axis=0)


@pytest.fixture(scope="module", params=[1, 10], ids=["k=1", "k=10"])
def data(request):
    if request.param == 1:
        table = load_diabetes()
        return standardised(table.data), standardised(table.target[:, None])
    table = load_digits()
    return standardised(table.data[:600]), standardised(np.eye(10)[table.target[:600]])


@pytest.mark.parametrize("p", [2, 4])
@pytest.mark.parametrize(
    ("kind", "depth"),
    [
        ("network", 2),
        ("network", 3),
        ("network", 8),
        ("rule", 2),
        ("rule", 2.5),
        ("rule", 3),
        ("rule", 8),
    ],
)
def test_equals_the_simulation(data, kind, depth, p):
    inputs, targets = data
    k, d = targets.shape[1], inputs.shape[1]
    start = 0.05 * torch.randn(
        k, d, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    method = Method(
        depth, step=LR, kind=kind, w_e=tuple(map(tuple, start.tolist())), weight_decay=DECAY
    )
    simulation = Simulation(Problem(inputs, targets, lp(p)), [method])
    wanted = simulation.advance(STEPS)[:, 0]

    layer = nn.Linear(d, k, bias=False, dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(start)
    optimizer: torch.optim.Optimizer
    if kind == "network":
        overparameterize(layer, int(depth))
        optimizer = torch.optim.SGD(layer.parameters(), LR, weight_decay=DECAY)
    else:
        optimizer = EndToEnd(layer.parameters(), LR, depth, weight_decay=DECAY)
    x, y, losses = torch.from_numpy(inputs), torch.from_numpy(targets), []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = (layer(x) - y).abs().pow(p).sum() / (p * len(x))
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
    np.testing.assert_allclose(losses, wanted, rtol=1e-12)
    weight, end = layer.weight.detach(), simulation.end_to_end()[0]
    assert float((weight - end).norm() / end.norm()) < 1e-12
    assert losses[-1] < losses[0]
    if kind == "network":
        assert (
            imbalance(layer)["weight"] < 0.05
        )  # gradient flow keeps it at 0; finite steps let it drift a little
