"""How many actions it takes: to see the claim, to find where depth hurts, to reach a page.

Depth 5, p = 6 and a step size: test_race.py.
"""

from __future__ import annotations

import pytest

from tests.browser.server import ROOT
from tests.browser.walk import settle

PAGES = {path.stem for path in (ROOT / "pages").glob("*.py")}

TITLES = {  # of the pages' entries in the navigation
    "convergence": "The race",
    "preconditioner": "The preconditioner",
    "no_regularizer": "No regularizer",
    "where_depth_helps": "Where depth helps",
    "plateaus": "Plateaus",
    "beyond_linear": "Beyond linear",
}


@pytest.fixture
def home(open_page, serve):
    page = open_page(f"{serve('app.py')}/", size=(1024, 720))
    page.locator(".descent-start[transform]").wait_for()
    settle(page)
    return page


def seen(page, words: str) -> bool:
    """Whether words stand in the window, without scrolling."""
    box = page.get_by_text(words).first.bounding_box()
    return box is not None and box["y"] >= 0 and box["y"] + box["height"] <= 720


def test_the_claim_takes_no_action(home):
    assert seen(home, "3.2 times fewer") and seen(home, "depth 1: 1,789 iterations")


def test_where_depth_hurts_takes_one_action(home):
    home.get_by_text("p = 2: depth hurts").click()
    home.get_by_text("Depth is slower here").wait_for()
    settle(home)
    assert seen(home, "times as many") and "p=2" in home.url


def test_a_page_takes_two_actions_at_most(home):
    navigation = home.get_by_test_id("stTopNav")
    for name, title in TITLES.items():
        link = navigation.get_by_role("link", name=title)
        if not link.is_visible():
            navigation.get_by_role("button").click()  # the one menu, whatever has no room is in it
            link = home.get_by_test_id("stTopNavDropdownLink").filter(has_text=title)
        link.click()
        home.wait_for_url(f"**/{name}**")
        settle(home)
    assert {"home", *TITLES} == PAGES
