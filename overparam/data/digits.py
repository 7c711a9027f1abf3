"""Handwritten digits of 8 × 8 pixels, bundled with scikit-learn."""

from __future__ import annotations

from functools import cache

import numpy as np

from overparam.data.images import Images

TRAINED = 1437  # of 1797: four fifths


@cache
def load_digits() -> Images:
    """The digits: 1437 images to train on and 360 to test on, split at random once and for all;
    pixels / 16 - 1/2.
    """
    from sklearn.datasets import load_digits as bundled  # takes long to import: only when asked for

    table = bundled()
    order = np.random.default_rng(0).permutation(len(table.target))
    inputs = (table.data[order] / 16 - 0.5).astype(np.float32)
    labels = table.target[order]
    inputs.flags.writeable = False
    return Images(
        "digits",
        inputs[:TRAINED],
        labels[:TRAINED],
        inputs[TRAINED:],
        labels[TRAINED:],
        "E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, "
        "UCI Machine Learning Repository (1998)",
    )
