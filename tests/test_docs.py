"""What the documentation tells people to type works, and what it says of the project is so."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.test_readme import ROOT, blocks

OWN_NETWORK = (ROOT / "docs/for-your-own-network.md").read_text(encoding="utf-8")
DOCS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md"))
DEPLOY = (ROOT / "docs/deploy.md").read_text(encoding="utf-8")
# of the reference https://huggingface.co/docs/hub/spaces-config-reference
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}


@pytest.mark.parametrize("code", blocks("python", OWN_NETWORK))
def test_an_example_runs(code):
    command = [sys.executable, "-W", "error", "-c", code]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", *DOCS])
def test_links_to_files_lead_to_files(name):
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / name).read_text(encoding="utf-8"))
    assert [link for link in links if not (ROOT / name).parent.joinpath(link).exists()] == []


def files_in(name: str) -> list[str]:
    """Files that a text names: as `overparam/engine/losses.py`, or from the package's folder, as
    `engine/losses.py`."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return re.findall(
        r"`((?:[\w.]+/)+[\w.]*)", text.replace("pages/NAME.py", "").replace("/NAME/", "/")
    )


@pytest.mark.parametrize("name", list(filter(files_in, ["CONTRIBUTING.md", *DOCS])))
def test_every_file_that_is_named_is_there(name):
    homes = (ROOT, ROOT / "overparam")
    assert [n for n in files_in(name) if not any((home / n).exists() for home in homes)] == []


def test_the_tools_of_the_continuous_integration_are_the_readmes():
    workflow = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "run: .ci/run" in workflow
    # the linter of JavaScript comes from npm, which the README's command does not ask for
    entries = re.findall(r"entry: (?!npx)(.+)", hooks)
    assert len(entries) == 3 and [e for e in entries if f".venv/bin/{e}" not in readme] == []


def test_a_space_is_told_what_it_needs_to_know(tmp_path):
    """The documented command puts the documented block on top of a README that stays whole."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/deploy.md").write_text(DEPLOY, encoding="utf-8")
    (tmp_path / "README.md").write_text("# Title\n\n---\n\nText\n", encoding="utf-8")
    (command,) = re.findall(r"^sed -n .*$", DEPLOY, re.M)
    subprocess.run(["bash", "-ec", command], cwd=tmp_path, check=True)
    written = (tmp_path / "README.md").read_text(encoding="utf-8")
    empty, front, rest = written.split("---\n", 2)
    assert empty == "" and rest == "# Title\n\n---\n\nText\n"
    facts = dict(line.split(": ", 1) for line in front.splitlines())
    assert set(facts) == {"title", "emoji", "colorFrom", "colorTo", "sdk", "app_port", "pinned"}
    assert facts["sdk"] == "docker" and {facts["colorFrom"], facts["colorTo"]} <= COLOURS
    assert len(facts["emoji"]) == 1 and ord(facts["emoji"]) > 0x1F000
    assert facts["pinned"] in ("true", "false")
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert f"STREAMLIT_SERVER_PORT={facts['app_port']}" in dockerfile
    variables = re.findall(r"^\| `(\w+)` \|", DEPLOY, re.M)
    assert variables[0] in dockerfile and len(variables) == 2 and "ARG ETHANOL=" in dockerfile


def test_the_cloud_is_given_the_cpus_wheel_and_the_other_pins(tmp_path):
    pinned = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    (tmp_path / "requirements.txt").write_text(pinned, encoding="utf-8")
    (command,) = re.findall(r"^sed -i .*$", DEPLOY, re.M)
    subprocess.run(["bash", "-ec", command], cwd=tmp_path, check=True)
    lines = (tmp_path / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pairs = list(zip(pinned.splitlines(), lines, strict=True))
    ((old, new),) = [pair for pair in pairs if pair[0] != pair[1]]
    version = re.match(r"torch==(\S+)", old)[1]
    wheel = Requirement(new.split("  #")[0])
    assert wheel.name == "torch" and Path(wheel.url).name.startswith(
        f"torch-{version}%2Bcpu-cp311-"
    )
    assert new.split("#")[1] == old.split("#")[1]
