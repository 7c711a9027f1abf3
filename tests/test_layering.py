"""Imports go downward only; streamlit and plotly stay out of the mathematics.

The layers, from the top; a module imports from lower rows, and inside a subpackage (ui, figures) from its own.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LAYERS = (
    {"app", "pages", "overparam.benchmark", "overparam.reproduce"},
    {"overparam.ui"},
    {"overparam.presets"},
    {"overparam.export", "overparam.verdict"},
    {"overparam.figures", "overparam.runs", "overparam.sweep", "overparam.theorem2", "overparam.trajectory"},
    {"overparam.experiment", "overparam.tuning"},
    {"overparam.simulate", "overparam.curvature", "overparam.potential"},
    {
        "overparam.data",
        "overparam.execution",
        "overparam.lessons",
        "overparam.parameterizations",
        "overparam.plan",
        "overparam.problems",
        "overparam.regularizer",
    },
    {
        "overparam.choices",
        "overparam.curves",
        "overparam.gate",
        "overparam.history",
        "overparam.illustration",
        "overparam.landscapes",
        "overparam.losses",
        "overparam.mechanism",
        "overparam.optimizers",
        "overparam.plain",
        "overparam.preconditioner",
        "overparam.registry",
        "overparam.room",
    },
)
ROW = {name: row for row, names in enumerate(LAYERS) for name in names}
MAY_IMPORT = {
    "streamlit": {"app", "pages", "overparam.ui"},
    "plotly": {"app", "pages", "overparam.ui", "overparam.figures"},
}
MAY_NOT_IMPORT = {("overparam.figures", "torch")}


def module_name(path: str) -> str:
    return ".".join(Path(path).with_suffix("").parts).removesuffix(".__init__")


def unit(module: str) -> str:
    """The entry of LAYERS that a dotted name belongs to: `overparam.ui.state` -> `overparam.ui`."""
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "overparam" else parts[0]


def imported(path: str, source: str) -> set[str]:
    """Dotted names that a file imports, anywhere in it, relative imports made absolute."""
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
            # `from overparam import losses` means a module, `from overparam.losses import lp` one of its names
            names |= {f"{base}.{alias.name}" for alias in node.names} if base == "overparam" else {base}
    return names


def faults(path: str, source: str) -> list[str]:
    """One sentence for each import of a file that breaks a rule."""
    here, found = unit(module_name(path)), []
    if here == "overparam":  # overparam/__init__.py gives the library its face: anything below a run
        row = ROW["overparam.runs"]
    elif here not in ROW:
        return [f"{path} has no layer: add {here} to LAYERS"]
    else:
        row = ROW[here]
    for name in sorted(imported(path, source)):
        there, package = unit(name), name.split(".")[0]
        if package in MAY_IMPORT and here not in MAY_IMPORT[package]:
            found.append(f"{path} imports {package}")
        elif (here, package) in MAY_NOT_IMPORT:
            found.append(f"{path} imports {package}")
        elif there in ROW and there != here and ROW[there] <= row:
            found.append(f"{path} imports {there}, which is not below it")
    return found


def sources() -> list[str]:
    files = [ROOT / "app.py", *(ROOT / "pages").glob("*.py"), *(ROOT / "overparam").rglob("*.py")]
    return sorted(str(f.relative_to(ROOT)) for f in files if f.exists())


@pytest.mark.parametrize("path", sources())
def test_imports_go_downward(path):
    assert faults(path, (ROOT / path).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("overparam/losses.py", "from overparam.problems import Problem"),
        ("overparam/losses.py", "from .problems import Problem"),
        ("overparam/losses.py", "from overparam import optimizers"),
        ("overparam/losses.py", "def f():\n    import overparam.simulate"),
        ("overparam/problems.py", "from overparam.parameterizations import Layers"),
        ("overparam/runs.py", "from overparam.ui.state import PageState"),
        ("overparam/ui/state.py", "from pages import convergence"),
        ("overparam/runs.py", "import streamlit as st"),
        ("overparam/runs.py", "from streamlit.runtime import get_instance"),
        ("overparam/tuning.py", "import plotly.graph_objects as go"),
        ("overparam/figures/race.py", "import streamlit"),
        ("overparam/figures/race.py", "import torch"),
        ("overparam/figures/race.py", "from overparam import runs"),
        ("overparam/__init__.py", "import streamlit"),
        ("overparam/__init__.py", "from overparam.ui import state"),
        ("overparam/__init__.py", "from .figures import race"),
        ("overparam/helpers.py", "import numpy"),
    ],
)
def test_a_broken_rule_is_seen(path, source):
    assert len(faults(path, source)) == 1


@pytest.mark.parametrize(
    ("path", "source"),
    [
        (
            "pages/convergence.py",
            "import streamlit\nfrom overparam.ui.state import PageState\nfrom overparam import losses",
        ),
        (
            "overparam/ui/frame.py",
            "import plotly, streamlit\nfrom .state import PageState\nfrom overparam.figures import style",
        ),
        ("overparam/figures/race.py", "import plotly, numpy\nfrom overparam.figures.style import COLOURS"),
        ("overparam/problems.py", "import torch\nfrom overparam.losses import lp"),
        ("overparam/__init__.py", "from overparam.problems import Problem\nfrom .simulate import simulate"),
    ],
)
def test_what_is_allowed_passes(path, source):
    assert faults(path, source) == []
