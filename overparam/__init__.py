"""Depth as an accelerator: linear networks, the end-to-end update rule, and what they do to
gradient descent.

The one idea of the package: *the data only ever sees the end-to-end matrix* W_e = W_N ... W_1. One
pass over the data gives the loss gradient G = dL/dW at W_e; depth, optimizer and start only decide
what is done with it. `overparam.plain` is that idea in one plain file.

The names below are what most uses need. They are loaded when first asked for, so that figures need
no torch.

Source: S. Arora, N. Cohen, E. Hazan, "On the Optimization of Deep Networks: Implicit Acceleration
by Overparameterization", ICML 2018, arXiv 1802.06509 ("the paper").
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from overparam.data import load_breast_cancer, load_diabetes
    from overparam.engine.losses import lp
    from overparam.engine.problem import Problem
    from overparam.engine.simulation import Method, Simulation
    from overparam.theory.curves import gamma
    from overparam.theory.field import circulation, force
    from overparam.theory.preconditioner import eigenvalues, precondition

_HOMES = {
    "Method": "overparam.engine.simulation",
    "Problem": "overparam.engine.problem",
    "Simulation": "overparam.engine.simulation",
    "circulation": "overparam.theory.field",
    "eigenvalues": "overparam.theory.preconditioner",
    "force": "overparam.theory.field",
    "gamma": "overparam.theory.curves",
    "load_breast_cancer": "overparam.data",
    "load_diabetes": "overparam.data",
    "lp": "overparam.engine.losses",
    "precondition": "overparam.theory.preconditioner",
}

__all__ = [
    "Method",
    "Problem",
    "Simulation",
    "circulation",
    "eigenvalues",
    "force",
    "gamma",
    "load_breast_cancer",
    "load_diabetes",
    "lp",
    "precondition",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
