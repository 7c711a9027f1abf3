"""Every package that an install brings is pinned, at the version that the tests run with."""

import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]


def pins(*files: str) -> dict[str, Requirement]:
    lines = [
        line.split("#")[0].strip()
        for f in files
        for line in (ROOT / f).read_text(encoding="utf-8").splitlines()
    ]
    found = [Requirement(line) for line in lines if line]
    return {canonicalize_name(r.name): r for r in found if r.marker is None or r.marker.evaluate()}


def version(requirement: Requirement) -> str:
    (only,) = requirement.specifier
    assert only.operator == "==", f"{requirement} is not pinned exactly"
    return only.version


def needed(name: str, seen: set[str]) -> set[str]:
    """Names of a package and of everything that it needs here, but for what only a CUDA build of
    torch brings."""
    if name not in seen:
        seen.add(name)
        for line in distribution(name).requires or []:
            r = Requirement(line)
            child = canonicalize_name(r.name)
            cuda = name == "torch" and re.match(
                "nvidia|cuda|triton", child
            )  # which torch itself pins exactly
            if not cuda and (r.marker is None or r.marker.evaluate({"extra": ""})):
                needed(child, seen)
    return seen


@pytest.mark.parametrize(
    "files", [["requirements.txt"], ["requirements.txt", "tests/requirements.txt"]]
)
def test_the_pins_are_closed_under_what_they_need(files):
    names = set(pins(*files))
    assert set().union(*(needed(name, set()) for name in names)) == names


def test_the_tests_run_with_the_pinned_versions():
    for name, requirement in pins("requirements.txt", "tests/requirements.txt").items():
        try:
            installed = distribution(name).version
        except PackageNotFoundError:
            installed = "none"
        assert installed.split("+")[0] == version(requirement), name


def test_the_image_takes_the_pinned_torch():
    (in_image,) = re.findall(
        r"^ARG TORCH=(.+)$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.M
    )
    assert in_image == version(pins("requirements.txt")["torch"])
