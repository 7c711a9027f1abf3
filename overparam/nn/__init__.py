"""Depth for models of your own: the paper's overparameterization, and its rule as an optimizer.

    overparameterize(model, depth=2)            each linear or convolutional weight is W_N ... W_1
    collapse(model)                             the plain model back: same keys, order and types
    EndToEnd(model.parameters(), lr, depth=2.5) plain weights, moved as depth would (Theorem 1)
    precondition_(model.parameters(), depth=2)  the same on gradients, before any optimizer

Weights are multiplied, not activations: what it costs grows with the size of the weights, not with
the batch. It needs torch alone.
"""

from overparam.nn.end_to_end import EndToEnd, parameter_groups, precondition_
from overparam.nn.parametrization import collapse, factors, imbalance, overparameterize, products

__all__ = [
    "EndToEnd",
    "collapse",
    "factors",
    "imbalance",
    "overparameterize",
    "parameter_groups",
    "precondition_",
    "products",
]
