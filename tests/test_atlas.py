"""An atlas: the same numbers however it is computed, nothing lost on the way, and a sentence for
what goes wrong."""

import io
import os
import signal
import subprocess
import sys
from concurrent.futures import CancelledError
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from joblib.externals.loky.process_executor import BrokenProcessPool

from overparam import atlas as program
from overparam.choices.atlas import AtlasPlan
from overparam.choices.kinds import ChoiceError, read_choices
from overparam.choices.map import PLAN_CHOICES, Plan
from overparam.engine.products import plain_forms
from overparam.serving.maps import atlas as atlas_module
from overparam.serving.maps.atlas import Making, Pool, solve, versions
from overparam.serving.maps.atlas_file import AtlasError, read, write
from overparam.serving.maps.block import UNKNOWN
from overparam.serving.maps.sweep import Sweep

ROOT = Path(__file__).parents[1]
MAPS = (  # three of them: both problems, network and rule, blocks of one depth and of several
    "detail=quick&horizon=300&grid=4",
    "problem=synthetic&x=shape&y=depth&columns=3&rows=2&horizon=300&grid=3&p=3",
    "kind=rule&depth=2.5&x=scale&y=shape&columns=4&rows=3&horizon=300&grid=6&start=random&seed=3",
)


@pytest.fixture(autouse=True, scope="module")
def small_blocks():
    """So that small maps have several blocks, in workers too, which get their cells from here."""
    before = atlas_module.BLOCK_RUNS
    atlas_module.BLOCK_RUNS = 200
    yield
    atlas_module.BLOCK_RUNS = before


def made(link, pool=None):
    making = Making(AtlasPlan.of_link(link))
    with pool or Pool() as pool:
        for _ in making.compute(pool):
            pass
    return making.atlas()


def same(one, other):
    for name in ("deep", "plain", "deep_step", "plain_step", "deep_edge", "plain_edge"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.fixture(scope="module")
def single():
    return {link: made(link) for link in MAPS}


@pytest.mark.parametrize("link", MAPS)
def test_an_atlas_is_the_map_of_the_page(link, single):
    plan = AtlasPlan.of_link(link)
    sweep = Sweep(plan)
    with plain_forms():
        while not sweep.finished:
            sweep.advance()
    same(single[link].view, sweep.view())
    assert single[link].complete and len(Making(plan).blocks()) > 1


@pytest.mark.slow
def test_two_processes_find_the_same_and_one_that_is_killed_loses_nothing(single, monkeypatch):
    for link in MAPS[1:]:
        same(made(link, Pool(workers=2)).view, single[link].view)
    begun = []
    whole = Pool.solve

    def counted(self, tasks, patience):
        begun.append(patience)
        return whole(self, tasks, patience)

    monkeypatch.setattr(Pool, "solve", counted)
    making = Making(AtlasPlan.of_link(MAPS[0]))
    with Pool(workers=2) as pool:
        for number, _ in enumerate(making.compute(pool)):
            if number == 0:
                loky = [p for p in psutil.Process().children() if "loky" in " ".join(p.cmdline())]
                max(loky, key=lambda p: p.pid).kill()
    same(making.atlas().view, single[MAPS[0]].view)
    assert len(begun) == 2


def test_workers_that_die_again_and_again_are_given_up():
    def dies(self, tasks, patience):
        raise BrokenProcessPool
        yield

    pool = Pool()
    pool.solve = dies.__get__(pool)
    with pool, pytest.raises(AtlasError, match="ended 3 times without a result"):
        list(Making(AtlasPlan.of_link(MAPS[0])).compute(pool))


def stopped_after(count, monkeypatch):
    """Ctrl+C after so many blocks."""
    whole = Making.compute

    def compute(self, pool):
        for number, decided in enumerate(whole(self, pool)):
            if number == count:
                raise KeyboardInterrupt
            yield decided

    monkeypatch.setattr(Making, "compute", compute)


def test_what_is_done_is_kept_and_the_same_call_goes_on(tmp_path, monkeypatch, capsys, single):
    call = [f"https://host/where_depth_helps?{MAPS[0]}&cell=1.2", "--workers", "1"]
    call += ["--out", str(tmp_path / "a.npz")]
    with monkeypatch.context() as patch:
        stopped_after(2, patch)
        assert program.main(call) == 130
    told = capsys.readouterr().err
    part = read(tmp_path / "a.npz")
    known = part.view.deep != UNKNOWN
    assert 0 < known.sum() < known.size and not part.complete
    assert "the same call goes on from there" in told
    solved = []
    monkeypatch.setattr(
        atlas_module, "solve", lambda *task: (solved.append(task[2]), solve(*task))[1]
    )
    assert program.main(call) == 0
    cells = {cell for block in solved for cell in block}
    assert len(cells) == Making(part.plan, part).trials - Making(part.plan, part).decided
    same(read(tmp_path / "a.npz").view, single[MAPS[0]].view)
    assert program.main(call) == 0 and [p.name for p in tmp_path.iterdir()] == ["a.npz"]


@pytest.fixture
def hears_ctrl_c():
    """Whatever is started hears Ctrl+C, as from a terminal; a shell's `&` would have it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.slow
def test_ctrl_c_on_the_whole_process_group_says_one_sentence(tmp_path, hears_ctrl_c):
    call = [sys.executable, "-m", "overparam.atlas", "detail=fine", "--workers", "2"]
    call += ["--out", str(tmp_path / "a.npz")]
    with subprocess.Popen(call, cwd=ROOT, stderr=subprocess.PIPE, start_new_session=True) as run:
        said = []  # until one block of thirteen is done
        while not said or (said[-1] and b"left" not in said[-1]):
            said.append(run.stderr.readline())
        os.killpg(run.pid, signal.SIGINT)
        rest = run.stderr.read().decode()
        assert run.wait() == 130, (said, rest)
    assert "Stopped." in rest and "Traceback" not in rest and len(rest.splitlines()) <= 3, rest
    assert (read(tmp_path / "a.npz").view.deep != UNKNOWN).any()


@pytest.mark.parametrize(
    ("link", "says"),
    [
        ("hello", "no choice called 'hello': copy a link"),
        ("?colums=3", "no choice called 'colums'"),
        ("?p=9", "Loss exponent p must be from 2 to 8, not 9.$"),
        ("?x=p", "Both axes"),
        ("?columns=1", "needs two values"),
        ("?x=depth&columns=12", "whole number, from 2 to 10: ask for 9"),
        ("?columns=1000&rows=1000", "1,000,000 cells, and 250,000 is the most"),
        ("?rows=-1", "Rows must be from 0 to 1000"),
    ],
)
def test_a_bad_link_is_one_sentence(link, says, capsys, tmp_path):
    with pytest.raises(ChoiceError, match=says):
        AtlasPlan.of_link(link)
    out = tmp_path / "a.npz"
    assert program.main([link, "--out", str(out)]) == 1 and not out.exists()
    assert capsys.readouterr().err.count("\n") == 1


def test_a_link_of_the_page_is_the_pages_map_and_reads_back():
    query = {"x": "scale", "y": "depth", "kind": "rule", "p": "3", "grid": "5"}
    link = "http://h/where_depth_helps?" + "&".join(f"{k}={v}" for k, v in query.items())
    plan, page = AtlasPlan.of_link(link), Plan.of(read_choices(PLAN_CHOICES, query)[0])
    assert AtlasPlan.of_link(plan.link) == plan
    for axis in ("x", "y"):
        np.testing.assert_array_equal(plan.values(axis), page.values(axis))
    finer = replace(plan, columns=40)
    assert AtlasPlan.of_link(finer.link) == finer
    assert finer.values("x")[[0, -1]].tolist() == page.values("x")[[0, -1]].tolist()
    assert finer.cell(39, 3) == page.cell(len(page.values("x")) - 1, 3)


def test_blocks_follow_from_the_map_and_the_slowest_comes_first():
    making = Making(AtlasPlan.of_link("rows=6&columns=5"))
    blocks = making.blocks()
    assert sorted(np.concatenate(blocks).tolist()) == list(range(making.trials))
    powers = [{making._trials[i].p for i in own} for own in blocks]
    assert all(len(p) == 1 for p in powers)
    assert [max(p) for p in powers] == sorted((max(p) for p in powers), reverse=True)


@pytest.mark.parametrize("place", ["missing/a.npz", "folder"])
def test_a_file_that_cannot_be_written_is_told_before_anything_is_computed(
    place, tmp_path, capsys, monkeypatch
):
    (tmp_path / "folder").mkdir()
    monkeypatch.setattr(Making, "compute", lambda *_: pytest.fail("computed"))
    assert program.main([MAPS[0], "--out", str(tmp_path / place)]) == 1
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and place in told and "annot be " in told


def test_another_atlas_is_not_overwritten_and_versions_are_not_mixed(tmp_path, single, capsys):
    path, atlas = tmp_path / "a.npz", single[MAPS[0]]
    write(atlas, path)
    assert program.main([MAPS[1], "--out", str(path)]) == 1
    assert "name another file with --out" in capsys.readouterr().err
    begun = replace(atlas.view, deep=np.full_like(atlas.view.deep, UNKNOWN))
    write(replace(atlas, view=begun, versions={**versions(), "torch": "0.1"}), path)
    assert program.main([MAPS[0], "--out", str(path)]) == 1
    assert "torch 0.1" in capsys.readouterr().err
    with pytest.raises(AtlasError, match=r"torch 0\.1, numpy .*have the same"):
        solve({**versions(), "torch": "0.1"}, atlas.plan, [atlas.plan.cell(0, 0)])


def parts(atlas, tmp_path):
    write(atlas, tmp_path / "parts.npz")
    with np.load(tmp_path / "parts.npz") as file:
        return {name: file[name] for name in file.files}


def packed(**arrays):
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    file.seek(0)
    return file


def test_a_file_reads_back_and_what_is_none_is_one_sentence(single, tmp_path):
    whole = parts(single[MAPS[2]], tmp_path)
    again = read(packed(**whole))
    assert again.plan == single[MAPS[2]].plan and again.versions == versions()
    same(again.view, single[MAPS[2]].view)
    for changed, says in (
        ({"format": 7}, "of version 7, and version 1 can be read here"),
        ({"link": "p=99"}, "Loss exponent p must be from 2 to 8"),
        ({"deep": whole["deep"][:1]}, "no atlas, or a damaged one"),
        ({"deep": whole["deep"].astype(float)}, "no atlas, or a damaged one"),
        ({"deep": whole["deep"] + 1000}, "no atlas, or a damaged one"),
        ({"deep": np.array([{}])}, "no atlas, or a damaged one"),
        ({"more": np.zeros(10**7)}, "larger than any atlas"),
    ):
        with pytest.raises(AtlasError, match=says):
            read(packed(**(whole | changed)))
    for raw in (b"", b"a,b\n1,2\n", packed(**whole).getvalue()[:700]):
        with pytest.raises(AtlasError, match="no atlas, or a damaged one"):
            read(io.BytesIO(raw))
    with pytest.raises(AtlasError, match="no atlas, or a damaged one"):
        read(packed(**{name: whole[name] for name in whole if name != "plain_edge"}))


def test_dask_that_is_not_installed_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(AtlasError, match="Dask is not installed here"), Pool(scheduler="tcp://x:1"):
        pass


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nowhere"])
def test_a_scheduler_that_is_not_there_is_told(address, monkeypatch):
    pytest.importorskip("distributed", reason="Dask is not installed")
    monkeypatch.setattr(atlas_module, "CONNECT_SECONDS", 1)
    with pytest.raises(AtlasError, match="No Dask scheduler answers at"), Pool(scheduler=address):
        pass


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (CancelledError, "connection to the scheduler tcp://h:1 was lost"),
        (TimeoutError, "workers of tcp://h:1 have sent nothing for 60 s"),
    ],
)
def test_a_scheduler_that_goes_away_is_told(error, says, monkeypatch):
    def lost(tasks):
        raise error
        yield

    monkeypatch.setattr(atlas_module, "Parallel", lambda **_: lost)
    with pytest.raises(AtlasError, match=says):
        list(Pool(scheduler="tcp://h:1").solve(iter([]), 60))


@pytest.mark.slow
def test_two_workers_of_a_dask_scheduler_find_the_same(single):
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        host="127.0.0.1",
        protocol="tcp://",
        dashboard_address=":0",
    ) as cluster:
        for link in MAPS:
            same(made(link, Pool(scheduler=cluster.scheduler_address)).view, single[link].view)
