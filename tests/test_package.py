"""The package's face: its public names, and what an installed copy needs and holds."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import overparam

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", overparam.__all__)
def test_a_public_name_is_its_homes_own(name):
    assert name in dir(overparam)
    found = getattr(overparam, name)
    assert found is getattr(sys.modules[found.__module__], name)


def test_there_is_no_other_name():
    with pytest.raises(AttributeError, match="accelerate"):
        _ = overparam.accelerate


def test_the_mathematics_imports_without_the_screen():
    """In a process in which streamlit, plotly and pandas cannot be imported."""
    screen = ("figures", "ui", "story", "benchmark")  # story has words about pictures
    files = [file.relative_to(ROOT) for file in (ROOT / "overparam").rglob("*.py")]
    modules = [
        ".".join(file.with_suffix("").parts).removesuffix(".__init__")
        for file in files
        if file.parts[1].removesuffix(".py") not in screen and file.name != "__main__.py"
    ]
    blocked = "import sys; sys.modules.update(streamlit=None, plotly=None, pandas=None); "
    subprocess.run(
        [sys.executable, "-c", blocked + f"import {', '.join(sorted(modules))}"],
        cwd=ROOT,
        check=True,
    )


def test_everything_that_a_page_reads_is_package_data():
    patterns = PROJECT["tool"]["setuptools"]["package-data"]["overparam"]
    package = ROOT / "overparam"
    held = {file for pattern in patterns for file in package.glob(pattern)}
    others = {
        f for f in package.rglob("*") if f.is_file() and f.suffix not in (".py", ".pyc", ".md")
    }
    assert others - held == set()


def test_every_pin_lies_within_its_range():
    from packaging.requirements import Requirement

    pinned = {}
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        if "==" in line.split("#")[0]:
            requirement = Requirement(line.split("#")[0].strip())
            pinned[requirement.name] = str(requirement.specifier).removeprefix("==")
    project = PROJECT["project"]
    ranges = [
        *project["dependencies"],
        *(each for extra in project["optional-dependencies"].values() for each in extra),
    ]
    for text in ranges:
        wanted = Requirement(text)
        if wanted.name in pinned:
            assert wanted.specifier.contains(pinned[wanted.name]), text
