"""Atlases on the map page: opened from a folder or a file, clicked, refused; and the one that is
shipped."""

import io
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from overparam.choices.atlas import AtlasPlan
from overparam.figures.atlas import Side, atlas_map, frame_cell
from overparam.figures.map import CENSORED, NEITHER, ONLY_DEEP, ONLY_PLAIN
from overparam.serving.maps.atlas import solve, versions
from overparam.serving.maps.atlas_file import Atlas, read, write
from overparam.serving.maps.atlas_shelf import SHIPPED, atlas, atlases
from overparam.serving.maps.block import NEVER, UNKNOWN
from overparam.serving.maps.sweep import View
from overparam.story.map_words import atlas_kinds, atlas_side
from tests.app_pages import visit


def made_up(link: str) -> Atlas:
    plan = AtlasPlan.of_link(link)
    shape = len(plan.values("y")), len(plan.values("x"))
    deep = np.arange(np.prod(shape), dtype=np.int32).reshape(shape) % 90 + 1
    plain, step = 3 * deep, np.full(shape, 0.5)
    deep[0, 0] = plain[0, 1] = NEVER
    deep[0, 2] = plain[0, 2] = NEVER
    deep[1, 0] = UNKNOWN
    edge = np.zeros(shape, bool)
    return Atlas(plan, View(deep, plain, step, step, edge, edge), versions())


LARGE = made_up("columns=30&rows=22&horizon=300&grid=2")


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    write(LARGE, tmp_path / "large one.npz")
    write(made_up("detail=quick&horizon=300&grid=2"), tmp_path / "small.npz")
    (tmp_path / "broken.npz").write_bytes(b"nothing")
    monkeypatch.setenv("OVERPARAM_ATLASES", str(tmp_path))
    return tmp_path


def page(**query):
    return visit("pages/where_depth_helps.py", **query)


def said(app):
    assert not app.exception, app.exception
    return "\n".join(e.value for e in (*app.markdown, *app.caption, *app.info))


def told(app):
    assert not app.exception, app.exception
    return [e.value for e in (*app.error, *app.warning)]


def test_an_atlas_of_the_folder_stands_in_the_place_of_the_map(shelf):
    assert set(atlases()) >= {"large one", "small", "broken"}
    app = page(atlas="large one", cell="3.2", x="scale")
    words = said(app)
    assert told(app) == [] and "30 × 22 cells" in words and "In this atlas, 660 cells:" in words
    assert "In the atlas: depth 2: 64 iterations" in words and "Depth 2 needs" in words
    assert "1 not known yet" in words
    assert "map_problem" not in {w.key for w in app.selectbox}
    app.selectbox(key="map_atlas").select("").run()
    assert app.selectbox(key="map_x").value == "scale" and "In this atlas" not in said(app)


def test_a_small_atlas_looks_like_a_map_and_a_place_outside_is_none(shelf):
    words = said(page(atlas="small", cell="20.20"))
    assert "7 × 5 cells" in words and "Click a cell" in words


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("absent", "There is no atlas of that name"),
        ("broken", "no atlas, or a damaged one"),
        ("../secret", "An atlas is named by letters"),
    ],
)
def test_an_atlas_that_cannot_be_opened_is_one_sentence(name, says, shelf):
    app = page(atlas=name, detail="quick", horizon="50", grid="2")
    (sentence,) = told(app)
    assert says in sentence and app.selectbox(key="map_problem").value == "two"


def test_a_file_of_ones_own_is_opened_or_refused(shelf):
    app = page(detail="quick", horizon="50", grid="2")
    file = ("mine.npz", (shelf / "large one.npz").read_bytes(), "application/zip")
    app.file_uploader[0].set_value(file).run()
    assert told(app) == [] and "30 × 22 cells" in said(app)
    app.file_uploader[0].set_value(("b.npz", b"nothing", "application/zip")).run()
    (sentence,) = told(app)
    assert "no atlas, or a damaged one" in sentence


def test_every_cell_of_the_picture_is_in_one_trace_and_a_click_finds_it():
    plan, view = LARGE.plan, LARGE.view
    x, y = atlas_side(plan, "x"), atlas_side(plan, "y")
    kinds = atlas_kinds(view)
    figure = atlas_map(
        x, y, view.log2_speed_up, (view.deep, view.plain), kinds, "depth 2", 300, "a"
    )
    drawn = sum(
        np.isfinite(trace.z).astype(int) for trace in figure.data if trace.type == "heatmap"
    )
    np.testing.assert_array_equal(drawn, (view.deep != UNKNOWN).astype(int))
    assert [int(kinds[kind].sum()) for kind in (ONLY_DEEP, ONLY_PLAIN, NEITHER)] == [1, 1, 1]
    assert x.log and not y.log and set(kinds) == set(CENSORED)
    for side, axis in ((x, figure.layout.xaxis), (y, figure.layout.yaxis)):
        assert [side.place(value) for value in side.values] == list(range(len(side.values)))
        edges = [side.edges(i) for i in range(len(side.values))]
        assert all(a[1] == pytest.approx(b[0]) for a, b in pairwise(edges))
        assert all(low < v < high for v, (low, high) in zip(side.values, edges, strict=True))
        ends = [edges[0][0], edges[-1][1]]
        np.testing.assert_allclose(axis.range, np.log10(ends) if side.log else ends)
    frame_cell(figure, x, y, (4, 5))
    (shape,) = figure.layout.shapes
    assert shape.x0 < x.values[4] < shape.x1 and shape.y0 < y.values[5] < shape.y1


def test_sides_of_depths():
    network = atlas_side(AtlasPlan.of_link("x=depth"), "x")
    rule = atlas_side(AtlasPlan.of_link("x=depth&kind=rule&columns=9"), "x")
    assert not network.log and rule.log and isinstance(rule, Side)


def test_the_shipped_atlas_is_whole_small_and_comes_out_again():
    (file,) = SHIPPED.glob("*.npz")
    shipped, plan = atlas(file.stem), atlas(file.stem).plan
    assert shipped.complete and shipped.view.deep.size > 2000
    assert file.stat().st_size < 2e6 and len(file.read_bytes()) == file.stat().st_size
    columns, rows = (len(plan.values(axis)) for axis in ("x", "y"))
    for row in (0, rows // 2):  # a power each, as a block has
        places = range(3, columns, columns // 3)
        cells = [plan.cell(x, row) for x in places]
        trials = [trial for cell in cells for trial in (cell.plain, cell)]
        iterations, step, edge = solve(versions(), plan, trials)
        view = shipped.view
        np.testing.assert_array_equal(iterations[0::2], view.plain[row, places])
        np.testing.assert_array_equal(iterations[1::2], view.deep[row, places])
        np.testing.assert_array_equal(step[1::2], view.deep_step[row, places])
        np.testing.assert_array_equal(edge[1::2], view.deep_edge[row, places])


def test_a_file_is_the_same_bytes_whenever_it_is_written(tmp_path):
    for name in ("a", "b"):
        write(LARGE, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    part = replace(LARGE, view=replace(LARGE.view, deep=LARGE.view.deep + 1))
    write(part, tmp_path / "a")
    assert read(io.BytesIO((tmp_path / "a").read_bytes())).view.deep[0, 3] == 5
