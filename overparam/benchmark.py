"""How fast a step is, and against what: `python -m overparam.benchmark`.

Each section of SECTIONS is a function that is given a stopwatch and yields lines to print; to
measure something else, write one and add it. A stopwatch times candidates in turn, many short
slices each, and keeps the fastest slice of each: what it takes when nothing else disturbs it. So
the ratios of one line belong together even on a busy machine.
"""

from __future__ import annotations

import argparse
import gc
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import prod

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor

from overparam.choices.alignment import DEFAULTS as ALIGNMENT
from overparam.choices.alignment import Chain
from overparam.choices.atlas import AtlasPlan
from overparam.choices.kinds import read_choices
from overparam.choices.map import PLAN_CHOICES, Plan
from overparam.choices.plateaus import DEFAULTS, MODES, Family
from overparam.data.digits import load_digits
from overparam.engine.device import prepare_thread
from overparam.engine.losses import lp
from overparam.engine.nonlinear import Dense, FactoredNetworks, Recipe
from overparam.engine.problem import Problem, two_coordinate
from overparam.engine.simulation import Method, Simulation, start_layers
from overparam.figures.alignment import interface_maps
from overparam.figures.plateaus import (
    drift,
    escape_times,
    imbalance,
    iterations,
    loss_curves,
    modes,
)
from overparam.figures.preconditioner import eigenvalue_map, one_output
from overparam.figures.readings import Panel, Reading, stacked
from overparam.figures.style import PALETTE
from overparam.measure.history import GAPS, History
from overparam.measure.plateaus import DRIFT_SCALES, DRIFT_SKEW, chain_drift_against_scale
from overparam.nn import EndToEnd, overparameterize
from overparam.serving.alignment import AlignmentRun
from overparam.serving.maps.atlas import Making, Pool
from overparam.serving.maps.block import Block, step_sizes
from overparam.serving.plateaus import DescentRun, FamilyRun, Steps, mode_times
from overparam.serving.work import FIRST_SECONDS
from overparam.theory.activations import ACTIVATIONS
from overparam.theory.curves import gamma
from overparam.theory.field import circulation, force
from overparam.theory.landscapes import linear
from overparam.theory.potential import best_potential
from overparam.theory.preconditioner import eigenvalues, ellipse, precondition, scale_only

Stopwatch = Callable[[Mapping[str, Callable[[int], object]]], dict[str, float]]
RUNS = (1, 3, 7, 12, 24, 96)
STEP = 1e-5  # small enough for every run here to stay calm
SLICE = 4e-3  # seconds
ATLAS_DETAIL, ATLAS_ROUNDS = "fine", 3


def stopwatch(rounds: int, clock: Callable[[], float] = time.process_time) -> Stopwatch:
    """A function that times candidates `advance(n)`, n iterations in one call: seconds an
    iteration, the fastest of all rounds.

    With one thread the time that the process computes is the time that passes, less what other
    programs take: the default clock.
    """

    def measure(candidates: Mapping[str, Callable[[int], object]]) -> dict[str, float]:
        counts, best = {}, dict.fromkeys(candidates, float("inf"))
        for name, advance in candidates.items():
            advance(2)
            before = clock()
            advance(3)
            counts[name] = max(2, round(3 * SLICE / (clock() - before)))
        for _ in range(rounds):
            for name, advance in candidates.items():
                before = clock()
                advance(counts[name])
                best[name] = min(best[name], (clock() - before) / counts[name])
        return best

    return measure


def products(problem: Problem, runs: int) -> dict[str, Callable[[int], None]]:
    """The two matrix products that no gradient can do without, W X^T ("forward") and R X
    ("backward"), alone, into memory at hand.

    Each in many forms: by torch and by numpy; data, rows and result in memory by rows or by
    columns; all rows together or a few at a time.
    """
    samples = problem.scaled_inputs.T.contiguous()  # (m, d)
    columns, rows = samples.T.contiguous(), runs * problem.k
    w, r = torch.randn(rows, problem.d).to(samples), torch.randn(rows, problem.m).to(samples)
    forms: dict[str, Callable[[int], None]] = {}

    def add(name: str, multiply: Callable[..., object], factors: list[tuple]) -> None:
        def advance(iterations: int) -> None:
            for _ in range(iterations):
                for left, right, out in factors:
                    multiply(left, right, out=out)

        forms[name] = advance

    def turned(matrix: Tensor) -> Tensor:
        return matrix.T.contiguous().T

    sizes = sorted({size for size in (1, 2, 3, 4) if size < rows <= 12} | {rows})
    for data, order in ((columns, "by columns"), (samples.T, "by samples")):
        for way, left, right, out in (
            ("forward", w, data, r.clone()),
            ("backward", r, data.T, w.clone()),
        ):
            add(f"{way}: torch, data {order}", torch.mm, [(left, right, out)])
            add(
                f"{way}: torch, data {order}, all turned",
                torch.mm,
                [(turned(left), right, turned(out))],
            )
            add(
                f"{way}: torch, data {order}, result turned", torch.mm, [(left, right, turned(out))]
            )
            for size in sizes:
                pieces = [
                    (left[i : i + size].numpy(), right.numpy(), out[i : i + size].numpy())
                    for i in range(0, rows, size)
                ]
                add(f"{way}: numpy, data {order}, {size} rows at a time", np.dot, pieces)
    return forms


def best_bare(took: Mapping[str, float]) -> tuple[float, list[str]]:
    """The time of both products, each in its fastest form, and the names of these forms."""
    ways = ([name for name in took if str(name).startswith(way)] for way in ("forward", "backward"))
    best = [min(names, key=took.__getitem__) for names in ways]
    return sum(took[name] for name in best), best


def ordinary_loop(problem: Problem, method: Method) -> Callable[[int], list[float]]:
    """The training loop that one writes by hand: nn.Sequential, autograd, torch.optim; one run.
    Returns advance(n) -> losses."""
    dtype = problem.dtype
    layers = [layer.to(dtype) for layer in start_layers(method, problem.k, problem.d)]
    linears = [torch.nn.Linear(w.shape[1], w.shape[0], bias=False, dtype=dtype) for w in layers]
    net = torch.nn.Sequential(*linears)
    with torch.no_grad():
        for linear, w in zip(linears, layers, strict=True):
            linear.weight.copy_(w)
    optimizer, p = torch.optim.SGD(net.parameters(), lr=method.step), int(problem.loss.power or 0)
    zero = torch.zeros(problem.k, problem.d, dtype=dtype)
    inputs, targets = problem.scaled_inputs.T.contiguous(), -problem.residuals(zero).T.contiguous()

    def advance(iterations: int) -> list[float]:
        losses = []
        for _ in range(iterations):
            optimizer.zero_grad()
            loss = ((net(inputs) - targets) ** p).sum() / p
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses

    return advance


def ethanol_shaped(dtype: torch.dtype) -> Problem:
    """Random data of the shape of the paper's, at p = 4."""
    rng = np.random.default_rng(0)
    return Problem(
        rng.standard_normal((2565, 128)), rng.standard_normal((2565, 1)), lp(4), dtype=dtype
    )


def race(measure: Stopwatch) -> Iterator[str]:
    """A whole iteration of the race against the bare products, the ordinary loop, and depth 1."""
    yield "One iteration of gradient descent at p = 4, all runs together, hidden width 1"
    yield (
        "  bare: depth 3 over the two matrix products alone, each in the fastest of many forms,"
        " which stand at the end"
    )
    yield (
        "  loop: the ordinary loop (nn.Sequential, autograd, torch.optim; one run) over depth 3,"
        " per run"
    )
    yield ""
    yield (
        "problem   precision  runs |  depth 1  depth 3  depth 8 |  depth 3 |  bare    loop   3 / 1 "
        "  8 / 1"
    )
    yield "                          |       us an iteration      | us a run |"
    for name, make in (
        ("2565x128", ethanol_shaped),
        ("two coord", lambda dtype: two_coordinate(4, 10.0, dtype=dtype)),
    ):
        for dtype in (torch.float64, torch.float32):
            for runs in RUNS:
                problem = make(dtype)
                methods = {n: Method(n, step=STEP, scale=0.1) for n in (1, 3, 8)}
                bare = products(problem, runs)
                candidates: dict[str, Callable[[int], object]] = {
                    f"depth {n}": Simulation(make(dtype), [m] * runs).advance
                    for n, m in methods.items()
                }
                took = measure(candidates | bare | {"loop": ordinary_loop(problem, methods[3])})
                one, three, eight = (1e6 * took[f"depth {n}"] for n in methods)
                alone, forms = best_bare(took)
                yield (
                    f"{name:9} {str(dtype)[6:]:>9} {runs:5} | {one:8.1f} {three:8.1f} {eight:8.1f}"
                    f" | {three / runs:8.2f} | {three / (1e6 * alone):5.2f}"
                    f" {1e6 * took['loop'] * runs / three:7.1f} {three / one:7.2f}"
                    f" {eight / one:7.2f} | {1e6 * alone:.1f} us, {'; '.join(forms)}"
                )


def widths(measure: Stopwatch) -> Iterator[str]:
    """The ordinary loop against a batch of 96 runs, by hidden width: the data only ever see W_e,
    whatever the width."""
    yield "Depth 3 on 2565x128, 96 runs, by hidden width: us an iteration and run"
    yield ""
    yield "precision  width |  here  ordinary loop  times faster"
    for dtype in (torch.float64, torch.float32):
        for width in (1, 10, 100):
            problem, method = ethanol_shaped(dtype), Method(3, step=STEP, scale=0.1, width=width)
            took = measure(
                {
                    "here": Simulation(problem, [method] * 96).advance,
                    "loop": ordinary_loop(problem, method),
                }
            )
            here, loop = 1e6 * took["here"] / 96, 1e6 * took["loop"]
            yield f"{str(dtype)[6:]:>9} {width:6} | {here:5.1f} {loop:14.1f} {loop / here:13.1f}"


def ordinary_network(recipe: Recipe, batch: int) -> Callable[[int], None]:
    """The training loop that one writes by hand for one factored network: nn.Sequential, autograd,
    torch.optim; advance(n)."""
    data, layers = load_digits(), list[torch.nn.Module]()
    for columns, rows in ((64, 64), (64, 10)):
        widths = [columns, *[min(columns, rows)] * (recipe.depth - 1), rows]
        inner = range(recipe.depth)
        layers += [torch.nn.Linear(widths[j], widths[j + 1], bias=j == inner[-1]) for j in inner]
        layers.append(torch.nn.ReLU())
    net = torch.nn.Sequential(*layers[:-1])
    momentum = {"momentum": 0.9, "nesterov": 0.9}.get(recipe.optimizer, 0.0)
    if recipe.optimizer == "adam":
        optimizer: torch.optim.Optimizer = torch.optim.Adam(net.parameters(), recipe.step)
    else:
        nesterov = recipe.optimizer == "nesterov"
        optimizer = torch.optim.SGD(net.parameters(), recipe.step, momentum, nesterov=nesterov)
    inputs, labels = torch.tensor(data.inputs), torch.tensor(data.labels)

    def advance(iterations: int) -> None:
        for _ in range(iterations):
            here = torch.randint(len(labels), (batch,))
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(net(inputs[here]), labels[here]).backward()
            optimizer.step()

    return advance


def layer_training(
    layer: torch.nn.Module, inputs: Tensor, depth: int, rule: bool
) -> Callable[[int], None]:
    """Steps of gradient descent on one layer of one's own network, its weight plain, in factors, or
    moved by the end-to-end rule; advance(n)."""
    if depth > 1 and not rule:
        overparameterize(layer, depth)
    parameters = list(layer.parameters())
    optimizer: torch.optim.Optimizer = (
        EndToEnd(parameters, STEP, depth) if rule else torch.optim.SGD(parameters, STEP)
    )

    def advance(iterations: int) -> None:
        for _ in range(iterations):
            optimizer.zero_grad()
            layer(inputs).square().mean().backward()
            optimizer.step()

    return advance


def own_network(measure: Stopwatch) -> Iterator[str]:
    """Steps on layers of one's own network, in factors and by the rule, over those on plain
    layers."""
    yield "A step on a layer of one's own network over that on the plain layer, float32"
    yield ""
    yield "layer                             |  N = 2  N = 3  EndToEnd, N = 2"
    nn, image = torch.nn, torch.randn(16, 64, 16, 16)
    layers: dict[str, tuple[Callable[[], torch.nn.Module], Tensor]] = {
        "linear 512 to 512, batch 32": (lambda: nn.Linear(512, 512), torch.randn(32, 512)),
        "linear 512 to 512, batch 512": (lambda: nn.Linear(512, 512), torch.randn(512, 512)),
        "linear 512 to 10, batch 128": (lambda: nn.Linear(512, 10), torch.randn(128, 512)),
        "linear 512 to 1, batch 128": (lambda: nn.Linear(512, 1), torch.randn(128, 512)),
        "3x3, 64 to 64, 16x16, batch 16": (lambda: nn.Conv2d(64, 64, 3, padding=1), image),
        "1x1, 64 to 64, 16x16, batch 16": (lambda: nn.Conv2d(64, 64, 1), image),
    }
    ways = {"plain": (1, False), "2": (2, False), "3": (3, False), "rule": (2, True)}
    for name, (make, inputs) in layers.items():
        torch.manual_seed(0)
        took = measure({way: layer_training(make(), inputs, *how) for way, how in ways.items()})
        two, three, rule = (took[way] / took["plain"] for way in ("2", "3", "rule"))
        yield f"{name:<33} | {two:6.1f} {three:6.1f} {rule:16.1f}"


def nonlinear(measure: Stopwatch) -> Iterator[str]:
    """Factored networks on the digits, all runs together, against the ordinary loop of one run."""
    yield (
        "Networks 64-64-10 of 1, 2 and 3 factors, 4 optimizers, 13 step sizes: us an iteration"
        " and run"
    )
    yield ""
    yield " runs  batch |  here  ordinary loop  times faster"
    data, names = load_digits(), ("gd", "momentum", "nesterov", "adam")
    recipes = [Recipe(n, name, STEP) for n in (1, 2, 3) for name in names]
    together = [recipe for recipe in recipes for _ in range(13)]
    for batch in (32, 64, 256):
        runs = FactoredNetworks(Dense((64, 64, 10)), data.inputs, data.labels, together, 0, batch)
        loops = {str(recipe): ordinary_network(recipe, batch) for recipe in recipes}
        took = measure({"here": runs.advance, **loops})
        here, loop = (
            1e6 * took["here"] / len(together),
            1e6 * np.mean([took[name] for name in loops]),
        )
        yield f"{len(together):5} {batch:6} | {here:5.1f} {loop:14.1f} {loop / here:13.1f}"


def settings(measure: Stopwatch) -> Iterator[str]:
    """What the app's settings are worth: denormals flushed to zero, imports frozen out of the
    garbage collector."""
    yield "Settings of the app"
    yield ""
    # residuals of 1e-105, as at the end of a run that fits its data exactly, have cubes that only
    # denormals can hold
    problem = Problem(
        np.random.default_rng(0).standard_normal((2565, 128)), np.zeros((2565, 1)), lp(4)
    )
    w = torch.full((3, 1, 128), 1e-106, dtype=torch.float64)

    def passes(flush: bool) -> Callable[[int], None]:
        def advance(iterations: int) -> None:
            torch.set_flush_denormal(flush)
            for _ in range(iterations):
                problem.value_and_grad(w)
            torch.set_flush_denormal(True)

        return advance

    took = measure({"flushed": passes(True), "kept": passes(False)})
    ratio = took["kept"] / took["flushed"]
    yield (
        f"denormals kept, a step of a converged run:  {ratio:6.2f} times as long as flushed (about"
        " 1 on some processors)"
    )

    def collections(iterations: int) -> None:
        for _ in range(iterations):
            gc.collect()

    seen = measure({"collect": collections})["collect"]
    gc.freeze()
    frozen = measure({"collect": collections})["collect"]
    gc.unfreeze()
    yield (
        f"a full garbage collection, imports frozen:  {1e3 * frozen:6.2f} ms instead of"
        f" {1e3 * seen:.0f} ms"
    )


def pictures(measure: Stopwatch) -> Iterator[str]:
    """What a moved slider costs besides Streamlit: the mathematics and the figure of one view."""
    w, grad = (
        torch.tensor([[[0.6, 0.35]]], dtype=torch.float64),
        torch.tensor([[[-0.3, 1.0]]], dtype=torch.float64),
    )
    at, slope = (vector[0, 0].numpy() for vector in (w, grad))
    sigma = torch.linspace(2, 0, 4, dtype=torch.float64)
    names = ([f"{i}" for i in range(4)], [f"{i}" for i in range(5)])
    bowl = force(linear(np.array([1.3, 0.0])).gradient, 3)

    def one_step() -> None:
        scaled, after = (
            scale_only(w, grad, 3.3)[0, 0].numpy(),
            precondition(w, grad, 3.3)[0, 0].numpy(),
        )
        one_output(at, slope, scaled, after, ellipse(w[0, 0], 3.3).numpy()).to_json()

    def matrix_step() -> None:
        eigenvalue_map(eigenvalues(sigma, 4, 5, 3.3).numpy(), names, (0, 0)).to_json()

    family = Family.of(DEFAULTS)
    whole = FamilyRun(family)
    while not whole.advance(1.0).finished:
        pass
    chain = Chain.of(ALIGNMENT)
    trained = AlignmentRun(chain)
    while not trained.advance(1.0).finished:
        pass
    in_modes = FamilyRun(Family.of(DEFAULTS | {"view": "modes"}))
    while not in_modes.advance(1.0).finished:
        pass
    steps = Steps(step=0.05, adam=0.01, horizon=3000)
    scales = np.array(family.eps)
    drifts = [
        (row.label, row.kind, found.scale, np.abs(found.measured), found.law)
        for row in ACTIVATIONS.values()
        for found in [chain_drift_against_scale(row, DRIFT_SCALES, DRIFT_SKEW)]
        if found.slope is not None
    ]

    def plateaus(run: FamilyRun) -> None:
        seen = run.advance(FIRST_SECONDS)
        lines = [(c.times, c.loss) for c in seen.curves]
        loss_curves(family.eps, lines, seen.scalar, seen.level).to_json()
        escape_times(scales, seen.times, False, None).to_json()

    def unbalanced() -> None:
        seen = whole.advance(FIRST_SECONDS)
        run = seen.curves[2 * family.seeds]
        imbalance(run.times, run.imbalance, run.integral, float(seen.times[2, 0])).to_json()
        drift(drifts, "tanh").to_json()

    def optimizers() -> None:
        seen = DescentRun((family, steps)).advance(FIRST_SECONDS)
        counts = {name: (name, found) for name, found in seen.counts.items()}
        iterations(scales, counts, np.full(len(scales), np.nan), steps.horizon).to_json()

    def modes_of_a_teacher() -> None:
        run = in_modes.advance(FIRST_SECONDS).curves[0]
        modes(run.times, run.others, MODES, mode_times(run)).to_json()

    def aligned(run: AlignmentRun) -> None:
        found = run.advance(FIRST_SECONDS).found
        interface_maps(found.matrices[-1], 2).to_json()
        score = Reading("score", PALETTE[0], "solid", found.score[:, 0, 1])
        size = Reading("imbalance", PALETTE[1], "solid", found.imbalance[:, 0])
        panels = [Panel("top 2", [score], log=False), Panel("|Δ|", [size])]
        stacked(panels, found.times, int(found.times[-1])).to_json()

    views = {
        "plateaus, first picture": lambda: plateaus(FamilyRun(family)),
        "plateaus, all known": lambda: plateaus(whole),
        "plateaus, imbalance": unbalanced,
        "plateaus, optimizers, first picture": optimizers,
        "plateaus, modes": modes_of_a_teacher,
        "alignment, first picture": lambda: aligned(AlignmentRun(chain)),
        "alignment, all known": lambda: aligned(trained),
        "one step, one output": one_step,
        "one step, matrices": matrix_step,
        "circulation around Gamma, N = 3": lambda: circulation(bowl, gamma(0.2, 1.0)),
        "closest potential, 129 x 129 points": lambda: best_potential(bowl, 1.0),
    }

    def repeat(view: Callable[[], object]) -> Callable[[int], None]:
        def often(iterations: int) -> None:
            for _ in range(iterations):
                view()

        return often

    yield "A moved slider: mathematics and figure, without Streamlit"
    yield ""
    for name, seconds in measure({name: repeat(view) for name, view in views.items()}).items():
        yield f"{name:36} {1e3 * seconds:6.1f} ms"


TWELVE = (
    *(Method(depth) for depth in (1, 2, 3, 4, 8)),
    *(
        Method(1, optimizer)
        for optimizer in ("momentum", "nesterov", "adagrad", "adadelta", "rmsprop", "adam")
    ),
    Method(2, "adam"),
)


def tuning(measure: Stopwatch) -> Iterator[str]:
    """Tuning twelve methods, 24 step sizes each, with all that is kept of them, against the bare
    products."""
    yield "Tuning twelve methods with 24 step sizes each on 2565x128, 288 runs in one batch, p = 4"
    yield ""
    yield "precision |  ms an iteration  s for 1,000  over bare products"
    for dtype in (torch.float64, torch.float32):
        problem = ethanol_shaped(dtype)
        methods = [
            replace(method, step=STEP * 10 ** (i / 24), scale=0.1)
            for method in TWELVE
            for i in range(24)
        ]
        simulation, history = Simulation(problem, methods), History(len(methods), GAPS)
        bare = products(problem, len(methods))

        def kept(n: int, simulation: Simulation = simulation, history: History = history) -> None:
            history.add(simulation.advance(n))

        took = measure({"here": kept, **bare})
        here = took["here"]
        ratio = here / best_bare(took)[0]
        yield f"{str(dtype)[6:]:>9} | {1e3 * here:16.2f} {1e3 * here:12.1f} {ratio:19.2f}"


def by_hand(plan: Plan, p: float, depth: int, kind: str) -> Callable[[int], Tensor]:
    """The runs of one row of the map, all ratios and step sizes at one depth, as one would write
    them for this problem alone.

    Returns: advance(n) -> the iteration of this call at which each run arrived, -1 where it did
    not.
    """
    row = list(plan.values("y")).index(p)
    cells = [plan.cell(x, row) for x in range(len(plan.values("x")))]
    own = [step_sizes(plan, cell.plain if depth == 1 else cell) for cell in cells]
    ratios = torch.tensor(plan.values("x"))
    counts = torch.tensor([len(steps) for steps in own])
    y = torch.stack([ratios, torch.ones_like(ratios)], 1).repeat_interleave(counts, 0)
    eta = torch.tensor(np.concatenate(own)).reshape(-1, 1)
    w = torch.full_like(y, plan.scale / 2**0.5)
    first, above = (
        w * plan.scale ** (1 / depth - 1),
        [torch.full_like(eta, plan.scale ** (1 / depth)) for _ in range(depth - 1)],
    )
    reached = torch.full((len(y),), -1)

    def advance(iterations: int) -> Tensor:
        nonlocal w, first, above
        for iteration in range(iterations):
            residual = w - y
            size = residual.abs()
            arrived = ((size**p).sum(1) / p <= plan.loss) & (reached < 0)
            reached[arrived] = iteration
            gradient = size ** (p - 1) * residual.sign()
            if depth == 1:
                w = w - eta * gradient
            elif kind == "rule":
                square = (w * w).sum(1, keepdim=True)
                along = (gradient * w).sum(1, keepdim=True)
                w = w - eta * square ** (1 - 1 / depth) * (
                    gradient + (depth - 1) * along / square * w
                )
            else:
                along = (gradient * first).sum(1, keepdim=True)
                first = first - eta * prod(above) * gradient
                above = [
                    a - eta * along * prod(above[:j] + above[j + 1 :]) for j, a in enumerate(above)
                ]
                w = prod(above) * first
        return reached

    return advance


def the_map(measure: Stopwatch) -> Iterator[str]:
    """A row of the map of where depth helps, 13 ratios and 41 step sizes at depth 1 and depth N,
    against loops written by hand."""
    yield (
        "The map: 13 ratios x 41 step sizes at depth 1 and at depth N, an iteration of all 1066"
        " runs"
    )
    yield ""
    yield "kind     depth    p |  us here  us by hand  here over by hand"
    for kind in ("network", "rule"):
        for depth in (2, 4):
            plan = Plan.of(read_choices(PLAN_CHOICES, {"kind": kind, "depth": str(depth)})[0])
            for row, p in enumerate(plan.values("y")):
                if p in (2, 2.5, 4, 6):
                    cells = [plan.cell(x, row) for x in range(13)]
                    block = Block(plan, [cell.plain for cell in cells] + cells)
                    hands = by_hand(plan, p, 1, kind), by_hand(plan, p, depth, kind)

                    def together(n: int, block: Block = block) -> None:
                        block.advance(block.iteration + n, seconds=np.inf)

                    def one_by_one(
                        n: int, hands: Sequence[Callable[[int], Tensor]] = hands
                    ) -> None:
                        for advance in hands:
                            advance(n)

                    took = measure({"here": together, "hand": one_by_one})
                    here, hand = (1e6 * took[name] for name in ("here", "hand"))
                    yield (
                        f"{kind:8} {depth:5} {p:4g} | {here:8.0f} {hand:11.0f} {here / hand:18.2f}"
                    )


def atlas(_: Stopwatch) -> Iterator[str]:
    """The finest map of the page as an atlas: two processes against one, wall time, in turn."""
    yield "An atlas, the fine map: wall time of one process over that of two, which are warm"
    yield ""
    # the processes come up and import torch
    list(compute_atlas(AtlasPlan.of_link("detail=quick&horizon=10"), 2))
    plan, best = AtlasPlan.of_link(f"detail={ATLAS_DETAIL}"), 0.0
    for round_ in range(ATLAS_ROUNDS):
        took = []
        for workers in (1, 2):
            start = time.perf_counter()
            ends = [time.perf_counter() - start for _block in compute_atlas(plan, workers)]
            took.append(ends[-1])
        best = max(best, took[0] / took[1])
        yield (
            f"round {round_ + 1}: {took[0]:6.1f} s  {took[1]:6.1f} s  {took[0] / took[1]:5.2f}"
            f"  (first block after {ends[0]:.2f} s; best ratio {best:.2f})"
        )


def compute_atlas(plan: AtlasPlan, workers: int) -> Iterator[int]:
    with Pool(workers) as pool:
        yield from Making(plan).compute(pool)


def gpu(measure: Stopwatch) -> Iterator[str]:
    """Where the GPU begins to pay: the same iteration on the CPU, there kernel by kernel, and there
    as one CUDA graph."""
    yield (
        "GPU against CPU, depth 3, p = 4: us an iteration, wall time; `execution.GPU_WORTH` decides"
        " between them"
    )
    yield ""
    if not torch.cuda.is_available():
        yield "no CUDA GPU was found: nothing to measure"
        return
    yield (
        "problem    runs |     CPU  kernels   graph  CPU over graph  "
        f" ({torch.cuda.get_device_name()})"
    )
    for m, d in ((442, 10), (2565, 128), (20_000, 512)):
        rng = np.random.default_rng(0)
        inputs, targets = rng.standard_normal((m, d)), rng.standard_normal((m, 1))
        for runs in (3, 96):
            methods = [Method(3, step=STEP, scale=0.1)] * runs
            # an advance ends with its losses on the CPU: the GPU has then done its work
            ways = {"cpu": ("cpu", False), "kernels": ("cuda", False), "graph": ("cuda", True)}
            took = stopwatch(10, time.perf_counter)(
                {
                    name: (
                        Simulation(
                            Problem(inputs, targets, lp(4), device=device), methods, replay
                        ).advance
                    )
                    for name, (device, replay) in ways.items()
                }
            )
            cpu, kernels, graph = (1e6 * took[name] for name in ways)
            yield (
                f"{f'{m}x{d}':9} {runs:5} | {cpu:7.1f} {kernels:8.1f} {graph:7.1f}"
                f" {cpu / graph:15.2f}"
            )


SECTIONS: tuple[Callable[[Stopwatch], Iterator[str]], ...] = (
    race,
    widths,
    nonlinear,
    own_network,
    tuning,
    the_map,
    atlas,
    settings,
    pictures,
    gpu,
)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m overparam.benchmark", description="Times a step on this machine's CPU."
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=1,
        help="threads for each matrix product (default 1, as in the app)",
    )
    parser.add_argument(
        "--rounds", type=int, default=50, help="slices of 4 ms for each candidate (default 50)"
    )
    choices = parser.parse_args(arguments)
    prepare_thread()
    torch.set_num_threads(choices.threads)
    threadpool_limits(choices.threads, user_api="blas")
    clock, meaning = (
        (time.process_time, "CPU time")
        if choices.threads == 1
        else (time.perf_counter, "wall time")
    )
    print(
        f"{platform.processor() or platform.machine()}, torch {torch.__version__},"
        f" {choices.threads} thread(s), {meaning}"
    )
    for section in SECTIONS:
        print()
        for line in section(stopwatch(choices.rounds, clock)):
            print(line, flush=True)


if __name__ == "__main__":
    main()
