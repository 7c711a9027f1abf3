"""Imports go down the floors only, and in no circle; streamlit, plotly and torch stay where they
belong.

A folder of the package is one idea; it may import from its own files and from folders on lower
floors.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FLOORS = (  # the ground first
    {
        "overparam.plain",
        "overparam.plain_network",
        "overparam.words",
    },  # the whole idea in plain files; text made fit for a sentence
    {"overparam.theory"},  # pure functions of arrays: what the papers prove
    {"overparam.data", "overparam.nn"},  # what is fitted; depth for models of one's own
    {"overparam.engine"},  # many runs, one pass over the data a step
    {"overparam.measure"},  # what is read off runs
    {"overparam.choices"},  # what a person can choose
    {"overparam.figures", "overparam.serving"},  # pictures; computations that people share
    {"overparam.export", "overparam.story"},  # what leaves the house; words for people
    {"overparam.ui.components"},  # drawn by the browser
    {"overparam.ui.shell"},  # what every page shares
    {"overparam.ui"},  # the parts of one page each
    # pages; the package's face; its programs
    {
        *("app", "pages", "overparam", "overparam.benchmark", "overparam.digits_pair"),
        *("overparam.atlas", "overparam.last_figure", "overparam.reference", "overparam.reproduce"),
    },
)
FLOOR = {name: floor for floor, names in enumerate(FLOORS) for name in names}
SCREEN = {"app", "pages", "overparam.ui", "overparam.ui.components", "overparam.ui.shell"}
ONLY_IN = {"streamlit": SCREEN, "plotly": SCREEN | {"overparam.figures", "overparam.benchmark"}}
NEVER_IN = {"overparam.figures": "torch", "overparam": "plotly"}  # not even by what they import


def module_name(path: str) -> str:
    return ".".join(Path(path).with_suffix("").parts).removesuffix(".__init__")


def unit(module: str) -> str:
    """The entry of FLOORS that a dotted name belongs to: `overparam.ui.shell.state` ->
    `overparam.ui.shell`."""
    parts = module.split(".")
    if len(parts) == 1 or parts[0] != "overparam":
        return parts[0]
    return next(
        (name for end in (3, 2) if (name := ".".join(parts[:end])) in FLOOR), ".".join(parts[:2])
    )


def imported(path: str, source: str) -> set[str]:
    """Dotted names that a file imports, anywhere in it, relative imports made absolute; a submodule
    by its own name."""
    package = module_name(path).split(".")
    if not path.endswith("__init__.py"):
        package = package[:-1]
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*base, *([node.module] if node.module else [])])
            within = {f"{base}.{alias.name}" for alias in node.names}
            modules = {name for name in within if name in FLOOR or file_of(name)}
            names |= modules | ({base} if modules < within else set())
    return names


def file_of(module: str) -> str:
    """The file of one of our own modules, from the root; empty for a module of somebody else's, or
    none."""
    stem = module.replace(".", "/")
    return next(
        (path for path in (f"{stem}.py", f"{stem}/__init__.py") if (ROOT / path).is_file()), ""
    )


@cache
def brought_along(module: str) -> frozenset[str]:
    """Everything that importing one of our modules imports, to the end of the chain; imports within
    functions are left out."""
    seen: set[str] = set()
    open_ = [module]
    while open_:
        name = open_.pop()
        if name in seen:
            continue
        seen.add(name)
        parents = [".".join(name.split(".")[:end]) for end in range(1, name.count(".") + 1)]
        open_ += [parent for parent in parents if file_of(parent)]
        if path := file_of(name):
            open_ += at_the_top(path, (ROOT / path).read_text(encoding="utf-8"))
    return frozenset(seen)


def at_the_top(path: str, source: str) -> set[str]:
    """What a file imports when it is imported: not what stands within functions or under
    TYPE_CHECKING."""
    tree = ast.parse(source)
    tree.body = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    return imported(path, ast.unparse(tree))


def faults(path: str, source: str) -> list[str]:
    """One sentence for each import of a file that breaks a rule."""
    module, found = module_name(path), []
    here = unit(module)
    if here not in FLOOR:
        return [f"{path} stands on no floor: move it to a folder of FLOORS, or add {here}"]
    for name in sorted(imported(path, source)):
        there, package = unit(name), name.split(".")[0]
        if package in ONLY_IN and here not in ONLY_IN[package]:
            found.append(f"{path} imports {package}")
        elif there in FLOOR and there != here and FLOOR[there] >= FLOOR[here]:
            found.append(f"{path} imports {there}, which is not below it")
    if here in NEVER_IN and not found:
        for name in sorted(at_the_top(path, source)):
            if any(
                brought.split(".")[0] == NEVER_IN[here] for brought in brought_along(name) | {name}
            ):
                found.append(f"{path} imports {name}, which brings {NEVER_IN[here]} along")
    return found


def sources() -> list[str]:
    files = [ROOT / "app.py", *(ROOT / "pages").glob("*.py"), *(ROOT / "overparam").rglob("*.py")]
    return sorted(str(f.relative_to(ROOT)) for f in files if f.exists())


@pytest.mark.parametrize("path", sources())
def test_imports_go_downward(path):
    assert faults(path, (ROOT / path).read_text(encoding="utf-8")) == []


def needed(path: str, source: str) -> set[str]:
    """Our own modules that a file imports, in functions too; what stands under TYPE_CHECKING is
    never imported."""
    tree = ast.parse(source)
    tree.body = [
        n for n in tree.body if not (isinstance(n, ast.If) and "TYPE_CH" in ast.unparse(n))
    ]
    return {name for name in imported(path, ast.unparse(tree)) if file_of(name)}


def test_no_imports_go_round_in_a_circle():
    graph = {module_name(p): needed(p, (ROOT / p).read_text(encoding="utf-8")) for p in sources()}
    TopologicalSorter(graph).prepare()
    assert "overparam.ui.shell.look" in graph["overparam.ui.shell.frame"]
    low = graph["overparam.ui.shell.look"]  # as the floors above need it, it must not need them
    with pytest.raises(CycleError):
        changed = {"overparam.ui.shell.look": low | {"overparam.ui.shell.frame"}}
        TopologicalSorter(graph | changed).prepare()


BROKEN: Mapping[str, str] = {
    "overparam/theory/preconditioner.py": "from overparam.engine.losses import lp",
    "overparam/data/dataset.py": "from ..engine.problem import Problem",
    "overparam/theory/field.py": "from overparam import engine",
    "overparam/engine/losses.py": "def f():\n    import overparam.measure.history",
    "overparam/measure/history.py": "from overparam.choices.race import Experiment",
    "overparam/serving/run.py": "from overparam.ui.shell.state import PageState",
    "overparam/ui/shell/state.py": "from overparam.ui.race import compare",
    "overparam/ui/race/compare.py": "from pages import convergence",
    "overparam/serving/maps/sweep.py": "import streamlit as st",
    "overparam/export/script.py": "from streamlit.runtime import get_instance",
    "overparam/measure/curvature.py": "import plotly.graph_objects as go",
    "overparam/figures/race.py": "import streamlit",
    "overparam/figures/tuning.py": "import torch",
    "overparam/figures/map.py": "from overparam.engine.optimizers import OPTIMIZERS",
    "overparam/figures/paths.py": (
        "from overparam.choices.race import Experiment"
    ),  # it brings torch along
    "overparam/figures/theorem.py": "from overparam.serving import run",
    "overparam/__init__.py": "from overparam.figures import race",  # it brings plotly along
    "overparam/helpers.py": "import numpy",
}


@pytest.mark.parametrize("path", BROKEN)
def test_a_broken_rule_is_seen(path):
    assert len(faults(path, BROKEN[path])) == 1


ALLOWED: Mapping[str, str] = {
    "pages/convergence.py": (
        "import streamlit\nfrom overparam.ui.shell.state import PageState\nfrom overparam.engine"
        " import losses"
    ),
    "overparam/ui/shell/frame.py": (
        "import plotly, streamlit\nfrom .state import PageState\nfrom overparam.figures import"
        " style"
    ),
    "overparam/figures/race.py": "import plotly, numpy\nfrom overparam.figures.style import axis",
    "overparam/engine/problem.py": "import torch\nfrom overparam.engine.losses import lp",
    "overparam/ui/race/compare.py": (
        "from overparam.ui.shell.state import PageState\nfrom overparam.serving.run import RUNS"
    ),
    "overparam/__init__.py": "from overparam.engine.problem import Problem",
}


@pytest.mark.parametrize("path", ALLOWED)
def test_what_is_allowed_passes(path):
    assert faults(path, ALLOWED[path]) == []


def test_figures_are_made_in_a_process_that_knows_no_torch():
    names = sorted(module_name(path) for path in sources() if path.startswith("overparam/figures/"))
    program = f"import sys; sys.modules['torch'] = None; import {', '.join(names)}"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
