"""What sentences of the app claim to have measured: each is looked for where it stands, and
measured again, in little time.

Run one with   python -m pytest tests/test_measured.py -k kappa   ; a sentence that is changed fails
here until its measurement is.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from overparam.choices import problems, theorem
from overparam.choices.kinds import read_choices
from overparam.choices.methods import Entry
from overparam.choices.race import CHOICES, OPENING, Experiment
from overparam.data import Data, load_diabetes
from overparam.data.dataset import standardise
from overparam.data.synthetic import synthetic
from overparam.engine.losses import lp
from overparam.engine.problem import Problem, two_coordinate
from overparam.engine.simulation import Method, Simulation
from overparam.measure.curvature import hessian_product
from overparam.measure.history import GAPS
from overparam.measure.trajectory import fastest
from overparam.serving.run import Run
from overparam.story.courses.why import WHY
from overparam.story.presets import PRESETS
from overparam.theory.potential import shares
from overparam.theory.preconditioner import precondition_root
from tests.test_plateaus import escapes

ROOT = Path(__file__).parents[1]
WHY_TEXT, DEMO_TEXT, WAIT_TEXT = (
    f"overparam/story/courses/{course}.py" for course in ("why", "demo", "wait")
)
ETHANOL = ROOT.parent / "shared" / "data" / "gas_ethanol.npz"


def stands(file: str, sentence: str) -> bool:
    """Whether a sentence stands in a file, however its lines and string literals are broken."""
    text = re.sub(r'"\s*\n\s*"', "", (ROOT / file).read_text(encoding="utf-8"))
    return " ".join(sentence.split()) in " ".join(text.split())


def kappa(x: np.ndarray, y: np.ndarray, depth: float) -> float:
    """Condition number of P^{1/2} H P^{1/2} at the optimum for p = 4."""
    problem = Problem(x, y, lp(4))
    w, eye = (
        problem.optimum().weights.expand(problem.d, 1, problem.d),
        torch.eye(problem.d, dtype=torch.float64)[:, None],
    )
    root = precondition_root(w, eye, depth)
    values = np.linalg.eigvalsh(
        precondition_root(w, hessian_product(problem, w)(root), depth)[:, 0].numpy()
    )
    return float(values[-1] / values[0])


def test_kappa_at_the_optimum_falls_on_diabetes_and_rises_on_synthetic_data():
    sentence = "at the optimum for $p=4$ it does on diabetes, and makes it worse on synthetic data"
    assert stands("overparam/ui/shell/notes.py", sentence)
    diabetes = load_diabetes()
    measured = [kappa(diabetes.inputs, diabetes.targets, n) for n in (1, 2, 3, 8)]
    np.testing.assert_allclose(measured, [511, 374, 343, 411], rtol=2e-3)
    measured = [kappa(*synthetic(500, 20, 1, 100, "geometric", 0.1, 0), n) for n in (1, 2, 3, 8)]
    np.testing.assert_allclose(measured, [113, 124, 138, 235], rtol=4e-3)


def test_at_p_2_depth_does_not_help_and_momentum_nesterov_and_adam_do():
    assert stands(
        "overparam/ui/shell/notes.py",
        "**At $p=2$ depth does not help**; momentum, Nesterov and Adam do.",
    )
    entries = (
        Entry(1),
        Entry(2),
        Entry(3),
        *(Entry(1, name) for name in ("momentum", "nesterov", "adam")),
    )
    choices = {
        "p": 2.0,
        "methods": entries,
        "iterations": 1000,
        "horizon": 1000,
        "grid": 6,
        "scale": 0.01,
    }
    run = Run(Experiment.of(read_choices(CHOICES, {})[0] | choices))
    while not run.finished:
        run.advance(10**9, seconds=0.1)
    plain, *others = run.tuned.grid.fastest(run.tuned.reached)[:, GAPS.index(0.0001)]
    assert (
        plain > 0
        and all(count >= 0.9 * plain for count in others[:2])
        and all(0 < 2 * count < plain for count in others[2:])
    )


def test_along_the_weights_steps_shrink_below_the_size_named():
    assert stands(WHY_TEXT, r"$\\|W\\|<N^{-N/(2N-2)}$: the slow start.")
    for depth in (2, 3, 8):
        edge = depth ** (-depth / (2 * depth - 2))
        assert depth * edge ** (2 - 2 / depth) == pytest.approx(1)
    assert 3 ** (-3 / 4) == pytest.approx(0.44, abs=0.002)


def test_far_from_zero_too_depth_spoils_the_step_that_suits_both_at_p_2():
    assert stands(
        "overparam/ui/home/picture.py",
        "and its stretch along $w$ spoils the one step that suited both.",
    )
    contenders = [[Method(depth, kind="rule", w_e=((7.0, 7.0),))] for depth in (1, 2, 3, 8)]
    counts = [
        each.iterations[0] for each in fastest(two_coordinate(2, 10), contenders, 1e-4, horizon=200)
    ]
    assert counts[:3] == [1, 6, 9] and counts[3] > 2 * counts[2]


@pytest.mark.skipif(
    not ETHANOL.exists(), reason="no copy of the paper's data at ../shared/data/gas_ethanol.npz"
)
@pytest.mark.slow
def test_figure_2_on_ethanol_compares_from_one_start(monkeypatch):
    assert (
        "0.135, 0.128, 0.126 at depth 2 and 0.406, 0.400, 0.399 at depth 3"
        in PRESETS["fig2"].replication
    )
    with np.load(ETHANOL) as file:
        x, y = file["X"], file["y"][:, None]
    data = Data("Ethanol", (x - x.mean(0)) / x.std(0), (y - y.mean(0)) / y.std(0), (), ())
    monkeypatch.setattr(problems, "load_ethanol", lambda **_: data)
    run = Run(Experiment.of(PRESETS["fig2"].values("ethanol")))
    while not run.finished:
        run.advance(10**9, seconds=0.1)
    gaps = run.view(10**9).gaps
    assert np.abs(gaps[:, 3] - gaps[:, 2]).max() == pytest.approx(0.135, abs=0.002)
    assert np.abs(gaps[:, 7] - gaps[:, 6]).max() == pytest.approx(0.406, abs=0.003)


@pytest.mark.slow
def test_on_how_many_columns_of_breast_cancer_depth_2_is_faster(monkeypatch):
    sentence = "faster to $g\\\\leq0.01$ in 22 and slower in 9"
    assert stands("overparam/ui/shell/notes.py", sentence)
    from sklearn.datasets import load_breast_cancer

    table = load_breast_cancer()
    columns = np.column_stack([table.data, table.target]).astype(float)
    values = read_choices(CHOICES, OPENING)[0] | {"horizon": 1000, "iterations": 1000}
    ratios = []
    for j in range(31):
        data = Data("", np.delete(columns, j, axis=1), columns[:, [j]], (), ())
        monkeypatch.setattr(problems, "load_breast_cancer", lambda data=data: standardise(data))
        run = Run(Experiment.of(values | {"methods": (Entry(1), Entry(2))}))
        while not run.finished:
            run.advance(10**9, seconds=0.1)
        one, two = run.view(10**9).fewest[:, GAPS.index(0.01)]
        assert two > 0  # depth 1 is not there within 1,000 in some
        ratios.append(np.inf if one < 0 else one / two)
    assert np.sum(np.array(ratios) > 1.1) == 22 and np.sum(np.array(ratios) < 1) == 9


def shown_counts(query: dict) -> np.ndarray:
    """Iterations of each curve that a race shows to each gap, shape (methods, gaps); -1: never."""
    run = Run(Experiment.of(read_choices(CHOICES, query)[0]))
    while not run.finished:
        run.advance(10**9, seconds=0.1)
    return run.view(10**9).reached


def test_on_the_opening_data_depth_2_is_3_times_faster_but_not_at_first_and_not_at_p_2():
    assert stands(WHY_TEXT, "About 3 times: see the bracket.")
    assert stands(WHY_TEXT, "to a gap of 0.2 it needs twice as many")
    assert stands(WHY_TEXT, "is the same everywhere, and only the slow start is left.")
    one, two, _ = shown_counts(OPENING)
    fifth, hundredth = GAPS.index(0.2), GAPS.index(0.01)
    assert 2.5 < one[hundredth] / two[hundredth] < 3.7 and 1.6 < two[fifth] / one[fifth] < 2.4
    one, two, three = shown_counts(OPENING | {"p": "2"})
    assert one[hundredth] < min(two[hundredth], three[hundredth])
    one, two, three = shown_counts(OPENING | {"p": "6"})
    assert one[hundredth] < 0 < min(two[hundredth], three[hundredth])


def test_momentum_and_adam_are_ahead_of_depth_at_p_4_and_behind_depth_3_at_p_6():
    assert stands(
        DEMO_TEXT, "momentum and Adam need fewer iterations to a gap of 0.01 than any depth."
    )
    assert stands(DEMO_TEXT, "At $p = 6$ depth 3 alone gets to 0.001 within 500.")
    rivals = OPENING | {"methods": "1_gd~2_gd~3_gd~1_momentum~1_adagrad~1_adam"}
    _, two, three, momentum, _, adam = shown_counts(rivals)[:, GAPS.index(0.01)]
    assert 0 < max(momentum, adam) < min(two, three)
    arrived = shown_counts(rivals | {"p": "6"})[:, GAPS.index(0.001)] > 0
    assert arrived.tolist() == [False, False, True, False, False, False]


@pytest.mark.slow
def test_started_near_zero_depth_4_waits_140_iterations_and_depth_8_does_not_leave():
    assert stands(
        WHY_TEXT, "leaves its plateau after about 140 iterations, and overtakes depth 1 near 1,000;"
    )
    assert stands(WHY_TEXT, "depth 8 does neither within 3,000.")
    (step,) = (s for s in WHY.steps if s.claim == "Started near zero, deep networks stall")
    run = Run(Experiment.of(read_choices(CHOICES, dict(step.query))[0]))
    while not run.finished:
        run.advance(10**9, seconds=0.1)
    view = run.view(10**9)
    plain, four, four_identity, eight, eight_identity = view.gaps.T
    at = view.times
    assert at[four < 0.5][0] == pytest.approx(140, rel=0.25)
    ahead = at[(at > 200) & (four < plain)][0]
    assert 700 < ahead < 1400
    assert eight.min() > 0.5 and (four_identity[at < 50].min() < four[at < 50].min())
    assert eight_identity.min() < 0.5


def test_a_regularizer_supplies_99_per_cent_of_f_in_the_example():
    assert stands("overparam/choices/theorem.py", "A regularizer supplies 99 % of F here")
    assert stands(WHY_TEXT, "The rest is about 1 %. Is a regularizer then as good?")
    example = theorem.EXAMPLE["closest"].values
    chosen = read_choices(theorem.CHOICES, {k: str(v) for k, v in example.items()})[0]
    (share,) = shares(theorem.case(chosen).flat, chosen["R"], np.array([chosen["N"]]))
    assert share == pytest.approx(0.01, abs=0.005)


def test_near_epsilon_one_tenth_escape_times_are_off_the_law():
    assert stands(WAIT_TEXT, "near 0.1 it is several per cent off.")
    assert stands(
        "overparam/ui/shell/notes.py",
        "at $\\\\varepsilon=0.1$ times are up to 30 % off it, at 0.3 mostly much more.",
    )
    eps = np.array([0.3, 0.1, 0.001])
    off = {}
    for activation, depth, small in (("tanh", 5, (0, 2, 4)), ("linear", 3, (0, 1, 2))):
        large, middle, least = (escapes(activation, depth, small, eps) * eps[:, None]).mean(1)
        off[activation] = abs(large / least - 1), abs(middle / least - 1)
    assert 0.02 < off["tanh"][1] < 0.09 and 0.2 < off["linear"][1] < 0.3
    assert all(large > 2 * middle for large, middle in off.values())


def test_adadelta_at_large_steps_is_chaotic():
    assert stands(
        "overparam/ui/shell/notes.py",
        "a difference of 1e-15 grew beyond 1e-4 within 300 iterations (Ethanol at step 0.1,"
        " diabetes at 1)",
    )
    diabetes = load_diabetes()
    starts = 0.01 * np.random.default_rng(0).normal(size=(8, 1, 10))
    pairs = [
        Method(1, optimizer="adadelta", step=1.0, w_e=tuple(map(tuple, w)))
        for start in starts
        for w in (start, start + 1e-15)
    ]
    simulation = Simulation(Problem(diabetes.inputs, diabetes.targets, lp(4)), pairs)
    simulation.advance(300)
    ends = simulation.end_to_end()
    apart = (ends[::2] - ends[1::2]).abs().amax((1, 2))  # which ones are is chance, too
    assert float(apart.max()) > 1e-4


ELSEWHERE = [
    (WHY_TEXT, "With 24 a decade the advantage is gone.", "presets:coarse_grid_is_gone_on_a_fine"),
    (
        WAIT_TEXT,
        "Near −1. What counts is not depth",
        "plateaus:escape_time_follows_the_number_of_small",
    ),
    (WAIT_TEXT, "waits a tenth of that.", "plateaus:adam_has_no_plateau"),
    (WHY_TEXT, "With 32 runs a field predicts new ones well", "estimate:one_run_of_any_depth"),
    ("overparam/choices/plateaus.py", "the order is kept", "plateaus_page:modes_keep_their_order"),
]


@pytest.mark.parametrize(("file", "sentence", "held_by"), ELSEWHERE)
def test_what_is_measured_elsewhere_is_still_said_and_still_measured(file, sentence, held_by):
    module, part = held_by.split(":")
    assert stands(file, sentence)
    tests = (ROOT / "tests" / f"test_{module}.py").read_text(encoding="utf-8")
    assert len(re.findall(rf"def test_\w*{part}\w*\(", tests)) == 1
