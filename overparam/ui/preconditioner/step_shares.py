"""The step sizes that a view offers: the best of a grid, or a share of it."""

SHARES = {"best": 1.0, "third": 1 / 3, "tenth": 0.1}
LABELS = {"best": "the best", "third": "a third of it", "tenth": "a tenth"}
