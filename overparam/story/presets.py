"""The paper's figures, and counter-examples, each one click: choices of the race, what was
reported, and what to watch.

The figures belong to the paper's data, Ethanol; where these are not at hand a preset runs on
breast cancer, and says so. To add one: add a Preset to PRESETS; the menu of the race and the tests
pick it up from there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Any

from overparam.choices.kinds import read_choices
from overparam.choices.race import CHOICES, Experiment
from overparam.serving.course import Tuned, View
from overparam.story.courses.why import COARSE_GRID
from overparam.story.race_words import arrivals, differences, ends

PAPER_DATA, ALWAYS_HERE = "ethanol", "cancer"
ON = (PAPER_DATA, ALWAYS_HERE, "diabetes")  # links of old run a preset on diabetes
LONGEST_HORIZON = 100_000

Measure = Callable[[Experiment, View, Tuned | None], str]


@dataclass(frozen=True)
class Preset:
    """A race worth looking at.

    name: its key. title, about: what it is, and what it is about in one sentence. choices: URL text
    of the race's choices; those not named take their defaults. paper, replication: what the paper
    shows, what an independent float64 replication saw; "" where there is none. watch: what to look
    at. measure: what this run measured, in words. full: iterations of the long run, None where
    there is none. fixed: the problem is part of the preset, instead of one of ON. on:
    choices that differ on one of them.
    """

    name: str
    title: str
    about: str
    choices: Mapping[str, str]
    paper: str
    replication: str
    watch: str
    measure: Measure
    full: int | None = None
    fixed: bool = False
    on: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def values(self, problem: str, long: bool = False) -> dict[str, Any]:
        """Every choice of the race.

        Args: problem: one of ON; ignored where the preset has its own. long: the full
        length.
        """
        query = dict(self.choices) | (
            {} if self.fixed else {"problem": problem, **self.on.get(problem, {})}
        )
        values, sentences = read_choices(CHOICES, query)
        assert not sentences, sentences
        if long and self.full is not None:
            values |= {"iterations": self.full, "horizon": min(self.full, LONGEST_HORIZON)}
        return values


THREE_DEPTHS = "1_gd_w0.01~2_gd_w0.04~3_gd_w0.008"
L4 = {"p": "4", "grid": "12", "horizon": "5000", "iterations": "5000"}

FIGURES = (
    Preset(
        name="fig2",
        title="Figure 2: the rule and the network",
        about=(
            "The end-to-end update rule of Theorem 1 beside the networks that it is about, with one"
            " step size for all."
        ),
        choices={
            "p": "2",
            "methods": "~".join(
                f"{n}_gd_rule~{n}_gd~{n}_gd_rule_h100_w0.01_inear-zero~{n}_gd_h100_w0.01_inear-zero"
                for n in (2, 3)
            ),
            "steps": "shared",
            "step": "0.01",
            "iterations": "1000",
            "scale": "0.04",
        },
        on={name: {"step": "0.1"} for name in ON[1:]},
        paper="The curves nearly coincide, at depth 2 and 3, hidden width 1 and 100.",
        replication=(
            "From a balanced start they differ in proportion to the step size. From a Gaussian"
            " start of width 100, which is not balanced, they do not: by 0.135, 0.128, 0.126 at"
            " depth 2 and 0.406, 0.400, 0.399 at depth 3, for steps 0.01, 0.002, 0.0004 on Ethanol."
            " Each is compared with the rule from its own W₀."
        ),
        watch=(
            "Balanced (width 1): halve the step size and the difference halves. Width 100, started"
            " near zero: it does not."
        ),
        measure=differences,
    ),
    Preset(
        name="fig3-l2",
        title="Figure 3, ℓ₂: depth hurts a little",
        about="Depth 1, 2 and 3 on the ordinary squared loss, each at its own best step size.",
        choices={
            "p": "2",
            "methods": THREE_DEPTHS,
            "grid": "12",
            "horizon": "10000",
            "iterations": "10000",
        },
        paper=(
            "Depth is slightly slower: 2.7e-3, 3.6e-3 and 4.1e-3 at depth 1, 2 and 3 after a"
            " million iterations."
        ),
        replication=(
            "At depth 1, 2 and 3, g after 10,000 iterations: 0.0252, 0.0266 to 0.0276 and 0.0271 to"
            " 0.0279. Iterations to g ≤ 0.05: 1,070, 1,060 to 1,160 and 1,150 to 1,320."
        ),
        watch=(
            "Nothing to gain at p = 2: the curvature, and with it the largest stable step, stays"
            " the same along the run."
        ),
        measure=ends,
        full=1_000_000,
    ),
    Preset(
        name="fig3-l4",
        title="Figure 3, ℓ₄: depth helps",
        about="The same race with the fourth power in the loss.",
        choices=L4 | {"methods": THREE_DEPTHS},
        paper="Depth helps a lot: depth 2 and 3 are far ahead of depth 1.",
        replication=(
            "At depth 1, 2 and 3, iterations to g ≤ 0.2: 1,140 to 1,385, 426 to 441 and 502 to 516;"
            " to g ≤ 0.1: 11,700 to 14,100, 3,235 to 3,295 and 3,835 to 3,910: 3.6 to 4.3 times"
            " fewer at depth 2."
        ),
        watch=(
            "Where depth 1 crawls, depth keeps falling. Each number is at the best step size for"
            " that gap."
        ),
        measure=arrivals,
        full=1_000_000,
    ),
    Preset(
        name="fig4-left",
        title="Figure 4, left: depth against AdaGrad and AdaDelta",
        about=(
            "Depth beside the optimizers that adapt their step sizes on purpose, all from the same"
            " start."
        ),
        choices=L4 | {"methods": "1_gd~2_gd~3_gd~1_adagrad~1_adadelta~1_momentum", "scale": "0.11"},
        on={ALWAYS_HERE: {"horizon": "1000", "iterations": "1000"}},
        paper="Depth 3 wins over AdaGrad and AdaDelta.",
        replication=(
            "Iterations to g ≤ 0.2 and 0.1: AdaGrad 992 and 11,926, AdaDelta 674 and 4,461,"
            " momentum 321 and 3,324. From that one start depth 2 beats AdaGrad, leads AdaDelta,"
            " and is about level with momentum."
        ),
        watch=(
            "Momentum, which the figure leaves out, is a harder rival than the two that it shows."
        ),
        measure=arrivals,
        full=250_000,
    ),
    Preset(
        name="fig4-right",
        title="Figure 4, right: Adam on a deeper net",
        about="Adam on depth 1, 2 and 3: two accelerations together.",
        choices=L4
        | {
            "methods": "1_adam~2_adam~3_adam",
            "horizon": "2000",
            "iterations": "2000",
            "scale": "0.11",
        },
        paper="Depth accelerates Adam; Adam alone beats gradient descent on a deep net.",
        replication="Iterations to g ≤ 0.1: 958, 238 and 248 at depth 1, 2 and 3.",
        watch=(
            "On Ethanol and, to g ≤ 0.001, on breast cancer depth helps Adam as well. On diabetes"
            " it does not: the effect depends on the data."
        ),
        measure=arrivals,
        full=250_000,
    ),
    Preset(
        name="fig5-left",
        title="Figure 5, left: near zero or near the identity",
        about="Depth 4 and 8 from layers near zero and from layers near the identity.",
        choices=L4
        | {
            "methods": (
                "4_gd_w0.1_inear-zero~8_gd_w0.1_inear-zero~4_gd_w0.01_iidentity~8_gd_w0.01_iidentity"
            ),
            "horizon": "1000",
            "iterations": "2000",
        },
        paper="Near zero the gradient vanishes and training is stuck; from the identity it works.",
        replication=(
            "The time on the plateau grows like ε^−(N−2), for layers of size ε: at depth 8 it is"
            " out of reach."
        ),
        watch="Depth 8 near zero does not move at any step size of the grid.",
        measure=partial(arrivals, goal=0.2),
        full=250_000,
    ),
)

COUNTEREXAMPLES = (
    Preset(
        name="p2",
        title="p = 2: depth only delays",
        about=(
            "Two coordinates, squared loss: one step size is right for both, and depth has nothing"
            " to repair."
        ),
        choices={
            "problem": "two",
            "p": "2",
            "methods": "1_gd~2_gd~3_gd~4_gd",
            "grid": "12",
            "horizon": "200",
            "iterations": "200",
        },
        fixed=True,
        paper="Section 5 expects no gain at p = 2.",
        replication=(
            "By the end-to-end rule with y₁ / y₂ = 10, from a hundredth of the target: depth 1"
            " needs 1 to 3 iterations, depth 2, 3 and 4 about 9, 16 and 22: depth hurts."
        ),
        watch="Plain gradient descent is there after one step.",
        measure=arrivals,
    ),
    Preset(
        name="coarse-grid",
        title="A coarse grid makes depth look faster",
        about="Squared loss again, with so few step sizes that depth 1 is given a poor one.",
        choices=COARSE_GRID,
        fixed=True,
        paper="",
        replication=(
            "On diabetes, steps of 1 and 5 times powers of ten make depth 2 look up to 4 times"
            " faster; 24 a decade do not."
        ),
        watch=(
            "Move “Step sizes a decade” to 24 and run again: the lead is gone. The view “tuning”"
            " shows why."
        ),
        measure=arrivals,
    ),
    Preset(
        name="late-divergence",
        title="Fast at first, diverging later",
        about=(
            "A step size that was tuned for a short while, run for longer: p = 6, synthetic data,"
            " condition number 10,000."
        ),
        choices={
            "problem": "synthetic",
            "p": "6",
            "d": "60",
            "condition": "10000",
            "noise": "0.5",
            "methods": THREE_DEPTHS,
            "horizon": "300",
            "iterations": "10000",
        },
        fixed=True,
        paper="",
        replication=(
            "Depth's fast early steps can diverge later, as ‖W‖ grows and multiplies the step."
        ),
        watch=(
            "Depth 3 is far ahead, then gone: its effective step η‖W‖^(2−2/N) has outgrown what"
            " the curvature allows. A longer tuning horizon finds a step that lasts."
        ),
        measure=arrivals,
    ),
    Preset(
        name="near-zero",
        title="Depth 8 near zero: stuck",
        about="Eight layers, from small Gaussian weights to the identity.",
        choices=L4
        | {
            "methods": "8_gd_w0.01_inear-zero~8_gd_w0.1_inear-zero~8_gd_w0.01_iidentity~1_gd",
            "horizon": "1000",
            "iterations": "2000",
        },
        paper="",
        replication=(
            "The product of eight small layers is next to nothing, and so is every gradient."
        ),
        watch="Two flat lines at g = 1: no step size of the grid helps.",
        measure=partial(arrivals, goal=0.2),
    ),
)

PRESETS: dict[str, Preset] = {preset.name: preset for preset in (*FIGURES, *COUNTEREXAMPLES)}


def matching(experiment: Experiment) -> Preset | None:
    """The preset that an experiment is of, whatever its length and grid; None where it is of
    none."""
    name = _matching(experiment)
    return None if name is None else PRESETS[name]


@lru_cache(maxsize=256)  # asked at every picture
def _matching(experiment: Experiment) -> str | None:
    for name, preset in PRESETS.items():
        if not preset.fixed and experiment.problem not in ON:
            continue
        of = Experiment.of(preset.values(experiment.problem))
        if (
            replace(
                of,
                **{same: getattr(experiment, same) for same in ("iterations", "horizon", "grid")},
            )
            == experiment
        ):
            return name
    return None
