"""Every update rule against its torch.optim twin, with several step sizes as rows of one vector."""

import numpy as np
import pytest
import torch

from overparam.engine.optimizers import OPTIMIZERS

STEPS, SIZES = 50, 7
# A new entry of OPTIMIZERS needs its twin here.
TWINS = {
    "gd": lambda w, lr: torch.optim.SGD([w], lr),
    "momentum": lambda w, lr: torch.optim.SGD([w], lr, momentum=0.9),
    "nesterov": lambda w, lr: torch.optim.SGD([w], lr, momentum=0.9, nesterov=True),
    "adagrad": lambda w, lr: torch.optim.Adagrad([w], lr, eps=1e-10),
    "adadelta": lambda w, lr: torch.optim.Adadelta([w], lr, rho=0.9, eps=1e-6),
    "rmsprop": lambda w, lr: torch.optim.RMSprop([w], lr, alpha=0.99, eps=1e-8),
    "adam": lambda w, lr: torch.optim.Adam([w], lr, betas=(0.9, 0.999), eps=1e-8),
}


def slope(w, t):
    """A gradient of one run that changes its sign and its size along the way; zero in the first
    coordinate."""
    scale = torch.logspace(-3, 1, SIZES, dtype=w.dtype)
    scale[0] = 0
    return scale * (w - 0.3) ** 3 + 0.1 * scale * np.cos(t)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 2e-5)])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_fifty_steps_equal_those_of_the_twin_at_every_step_size(name, dtype, tolerance):
    start = torch.randn(SIZES, generator=torch.Generator().manual_seed(0), dtype=dtype)
    rates = torch.tensor([1e-4, 3e-3, 1e-2, 5e-2], dtype=dtype) * (
        100 if name == "adadelta" else 1
    )  # its natural step is 1
    optimizer = OPTIMIZERS[name]

    w = start.repeat(len(rates))
    rate, slots = (
        rates.repeat_interleave(SIZES),
        [torch.zeros_like(w) for _ in range(optimizer.slots)],
    )
    mine = []
    for t in range(1, STEPS + 1):
        grad = torch.cat([slope(row, t) for row in w.view(len(rates), SIZES)])
        optimizer.update(w, grad, rate, slots, t)
        mine.append(w.clone().view(len(rates), SIZES))

    for row, lr in enumerate(rates.tolist()):
        twin = start.clone().requires_grad_()
        step = TWINS[name](twin, lr)
        for t in range(1, STEPS + 1):
            twin.grad = slope(twin.detach(), t)
            step.step()
            np.testing.assert_allclose(mine[t - 1][row], twin.detach(), rtol=0, atol=tolerance)
    assert (mine[-1] - start).abs().amax(1)[-1] > 0.05  # they went somewhere


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_no_step_and_no_memory_where_the_rate_and_the_gradient_are_zero(name):
    """Frozen layers and parked runs stay put."""
    optimizer = OPTIMIZERS[name]
    w, slots = torch.ones(3), [torch.zeros(3) for _ in range(optimizer.slots)]
    for t in range(1, 4):
        optimizer.update(w, torch.tensor([0.0, 0.0, 2.0]), torch.tensor([0.0, 0.1, 0.0]), slots, t)
    assert w.tolist() == [1.0] * 3 and all(slot[:2].tolist() == [0.0, 0.0] for slot in slots)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_entry_says_where_to_look_for_its_step_size(name):
    steps = OPTIMIZERS[name].steps
    assert steps is None or 0 < steps[0] < steps[1]
    assert OPTIMIZERS[name].label
