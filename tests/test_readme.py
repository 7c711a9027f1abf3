"""What the README tells people to type works as written."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


@pytest.mark.parametrize("heading", ["Run", "Test"])
def test_a_section_opens_with_one_command_that_sets_everything_up(heading):
    section = re.search(rf"^## {heading}\n\n(.*?)(?=^## )", README, re.M | re.S)[1]
    assert section.startswith("```bash\n")
    (command,) = blocks("bash", section)[0].splitlines()
    assert command.startswith("python3 -m venv .venv && .venv/bin/pip install -r requirements.txt")


def test_ci_runs_the_command_of_the_test_section():
    (extract,) = re.findall(
        r"^command=\$\((awk .*)\)$", (ROOT / ".ci/run").read_text(encoding="utf-8"), re.M
    )
    taken = subprocess.run(
        ["bash", "-c", extract], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    test_section = README[README.index("\n## Test\n") :]
    assert taken == blocks("bash", test_section)[0]


@pytest.mark.parametrize("code", blocks("python"))
def test_an_example_runs(code):
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr


def test_the_layout_names_every_module():
    layout = blocks("", README[README.index("\n## How the code is laid out\n") :])[0]
    named = set(re.findall(r"[\w/]+", layout))
    package = ROOT / "overparam"
    modules = {path.stem for path in package.glob("*.py")} - {"__init__"}
    folders = {f"{path.parent.name}/" for path in package.glob("*/__init__.py")}
    assert len(folders) > 8 and sorted((modules | folders) - named) == []


def test_every_file_that_is_named_is_there():
    names = re.findall(r"(?<![\w/.])((?:\.docker|\.ci|tests|pages|overparam)/[\w./]+)", README)
    assert names and [name for name in names if not (ROOT / name).exists()] == []
