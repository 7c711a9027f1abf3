"""Matrix products in the form that is fastest on this machine: all forms are the same product, and
a shape keeps its form."""

import numpy as np
import pytest
import torch

from overparam.engine import products
from overparam.engine.losses import lp
from overparam.engine.problem import Problem
from overparam.engine.products import Form, calls, candidates, fastest, padded, share_forms

ORDERS = (False, True)


@pytest.fixture(autouse=True)
def nothing_known_yet():
    share_forms(None)
    yield
    share_forms(None)


def right(turned, inner=6, columns=9):
    factor = torch.linspace(-1, 2, inner * columns, dtype=torch.float64).view(inner, columns)
    return factor.T.contiguous().T if turned else factor


def as_found(name):
    """What measuring would find, were this form the fastest."""
    return lambda *_: name


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 8, 12, 13])
def test_every_form_is_the_product_and_leaves_the_rest_at_zero(rows):
    left = torch.zeros(padded(rows), 6, dtype=torch.float64)
    left[:rows] = torch.randn(rows, 6, dtype=torch.float64)
    forms = candidates(rows, ORDERS)
    assert len(set(forms)) == len(forms) >= 4
    for form in forms:
        out = torch.zeros(padded(rows), 9, dtype=torch.float64)
        multiply, arguments = calls(form, rows, left, right(form.turned), out)
        for a, b, c in arguments:
            multiply(a, b, out=c)
        np.testing.assert_allclose(
            out[:rows], left[:rows].numpy() @ right(False).numpy(), rtol=1e-13, atol=1e-13
        )
        assert not out[rows:].any()


def test_a_shape_is_measured_once_and_others_apart(monkeypatch):
    asked = []
    monkeypatch.setattr(
        products, "_measure", lambda shape, *_: asked.append(shape) or products.PLAIN
    )
    for shape in ((3, 6, 9), (3, 6, 9), (4, 6, 9)):
        fastest(shape, torch.float64, right, ORDERS)
    fastest((3, 6, 9), torch.float32, right, ORDERS)
    assert asked == [(3, 6, 9), (4, 6, 9), (3, 6, 9)]


def test_what_is_measured_is_one_of_the_forms():
    assert fastest((3, 6, 9), torch.float64, right, ORDERS) in candidates(3, ORDERS)


def test_processes_that_share_a_folder_agree(tmp_path, monkeypatch):
    first, second = Form("numpy", True, 2), Form("torch", False, 4)
    share_forms(tmp_path)
    monkeypatch.setattr(products, "_measure", as_found(first))
    assert fastest((3, 6, 9), torch.float64, right, ORDERS) == first
    share_forms(tmp_path)  # another process: it knows nothing
    monkeypatch.setattr(products, "_measure", as_found(second))
    assert fastest((3, 6, 9), torch.float64, right, ORDERS) == first
    assert fastest((5, 6, 9), torch.float64, right, ORDERS) == second
    assert len(list(tmp_path.iterdir())) == 2  # nothing half written stays behind


def test_a_shared_folder_that_was_cleared_away_is_made_anew(tmp_path):
    folder = tmp_path / "forms"
    share_forms(folder)
    found = fastest((3, 6, 9), torch.float64, right, ORDERS)
    assert found in candidates(3, ORDERS) and len(list(folder.iterdir())) == 1


def test_two_problems_of_one_shape_agree_to_the_last_bit():
    rng = np.random.default_rng(0)
    x, y, w = (
        rng.normal(size=(200, 7)),
        rng.normal(size=(200, 1)),
        torch.randn(5, 1, 7, dtype=torch.float64),
    )
    losses = [Problem(x, y, lp(4)).value_and_grad(w)[0] for _ in range(2)]
    assert torch.equal(*losses)
