"""Colours: contrast (WCAG 2) on both backgrounds, and still told apart under the common colour
vision deficiencies."""

import itertools
import tomllib
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest

from overparam.figures import style

# Machado, Oliveira, Fernandes 2009, severity 1.0; they act on linear RGB.
MACHADO = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
D65 = np.array([0.95047, 1.0, 1.08883])


def linear_rgb(colour: str) -> np.ndarray:
    s = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4)


def contrast(a: str, b: str) -> float:
    dark, light = sorted(0.05 + linear_rgb(c) @ np.array([0.2126, 0.7152, 0.0722]) for c in (a, b))
    return light / dark


def lab(rgb: np.ndarray) -> np.ndarray:
    t = XYZ @ rgb / D65
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_contrast_formula_on_known_values():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)
    np.testing.assert_allclose(lab(linear_rgb("#ff0000")), [53.24, 80.09, 67.20], atol=0.02)


@pytest.mark.parametrize("background", [style.LIGHT_BACKGROUND, style.DARK_BACKGROUND])
@pytest.mark.parametrize("colour", [*style.PALETTE, style.NEUTRAL])
def test_contrast_on_both_backgrounds(colour, background):
    assert contrast(colour, background) >= (3 if colour == style.NEUTRAL else 3.5)


@pytest.mark.parametrize("vision", MACHADO)
def test_palette_is_told_apart(vision):
    seen = [lab(np.clip(MACHADO[vision] @ linear_rgb(c), 0, 1)) for c in style.PALETTE]
    closest = min(float(np.linalg.norm(a - b)) for a, b in itertools.combinations(seen, 2))
    assert closest >= 20  # about nine times the just noticeable difference of 2.3


def test_every_colour_has_a_dash_of_its_own():
    assert (
        len(set(style.PALETTE))
        == len(set(style.DASHES))
        == len(style.PALETTE)
        == len(style.DASHES)
        == 8
    )


def test_depth_colour_agrees_with_its_dash_and_refuses_depth_below_one():
    assert [style.depth_colour(n) for n in range(1, 9)] == list(style.PALETTE)
    assert [style.depth_dash(n) for n in range(1, 9)] == list(style.DASHES)
    assert style.depth_colour(2.3) == style.depth_colour(2)
    for bad in (0, 0.99, -1, float("nan")):
        with pytest.raises(ValueError, match="depth"):
            style.depth_colour(bad)


def test_base_layout_is_legal_and_merges_level_by_level():
    layout = style.base_layout(xaxis=style.axis("iteration", log=True), legend={"y": 1.1})
    figure = go.Figure(go.Scatter(y=[1, 2], line={"dash": style.DASHES[1]})).update_layout(**layout)
    assert (figure.layout.xaxis.type, figure.layout.xaxis.title.text) == ("log", "iteration")
    assert (figure.layout.legend.y, figure.layout.legend.orientation) == (1.1, "h")
    assert style.translucent("#ff8000", 0.5) == "rgba(255, 128, 0, 0.5)"


def test_theme_and_figures_share_backgrounds_and_palette():
    theme = tomllib.loads(
        (Path(__file__).parents[1] / ".streamlit/config.toml").read_text(encoding="utf-8")
    )["theme"]
    assert theme["light"]["backgroundColor"] == style.LIGHT_BACKGROUND
    assert theme["dark"]["backgroundColor"] == style.DARK_BACKGROUND
    assert theme["chartCategoricalColors"] == list(style.PALETTE)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_text_of_the_theme_can_be_read(mode):
    theme = tomllib.loads(
        (Path(__file__).parents[1] / ".streamlit/config.toml").read_text(encoding="utf-8")
    )["theme"]
    for text, surface in itertools.product(
        ("textColor", "linkColor"), ("backgroundColor", "secondaryBackgroundColor")
    ):
        assert contrast(theme[mode][text], theme[mode][surface]) >= 4.5
    assert contrast("#ffffff", theme[mode]["primaryColor"]) >= 4.5  # the label of a primary button


@pytest.mark.parametrize(
    ("low", "high", "dtick"), [(-4, 3, 2), (0, 2, 1), (-1, 0.5, "D2"), (-12, 0, 2)]
)
def test_a_logarithmic_axis_has_about_six_ticks_or_those_within_a_decade(low, high, dtick):
    assert style.log_ticks(low, high) == {"dtick": dtick}
    assert style.log_ticks(-4, 4, most=4) == {"dtick": 2}


@pytest.mark.parametrize("background", [style.LIGHT_BACKGROUND, style.DARK_BACKGROUND])
@pytest.mark.parametrize("colour", [*style.PALETTE, style.NEUTRAL])
def test_text_in_a_curves_colour_can_be_read_and_is_no_paler_than_need_be(colour, background):
    text = style.readable(colour, background)
    assert 4.5 <= contrast(text, background) < max(4.75, contrast(colour, background) + 1e-9)
