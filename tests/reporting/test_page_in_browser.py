"""The HTML page of a report, as a browser shows it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.browser import CHROMIUM, Browser
from tests.reporting.made import board, failed, report, row

from seqbench.reporting.leaderboard import Costs
from seqbench.reporting.page import page

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")

MORE = "getComputedStyle(document.querySelector('.more')).display"
WHITE, BLACK = "rgb(255, 255, 255)", "rgb(17, 20, 24)"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    made = Browser(tmp_path_factory.mktemp("chromium"))
    yield made
    made.close()


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Browser]:
    """At a report, with a wide window."""
    costs = [Costs(parameters=n, fit_seconds=s) for n, s in ((900, 3.0), (1000, 3.0), (20, 45.0))]
    made = board(
        row("model-10", [0.9, 0.91, 0.92], "best", costs=costs[0]),
        row("model-9", [0.8, 0.81, 0.82], "worse", costs=costs[1]),
        row("model-11", [0.7, 0.71, 0.72], "worse", costs=costs[2], other="model-10"),
        row("majority", [0.5], kind="trivial"),
        row("model-1", [], others=[failed("model-1", 0, error="no " * 100)]),
    )
    path = tmp_path / "report.html"
    path.write_text(page(report(made, made, notes=["x" * 500]), {}), encoding="utf-8", newline="")
    browser.screen(1440)
    browser.open(path.as_uri())
    yield browser
    assert browser.trouble == []
    browser.run("try { localStorage.clear() } catch {}")


def names(browser: Browser) -> Any:
    """Of the first leaderboard's rows, from above."""
    return browser.run(
        "[...document.querySelector('.board').tBodies]"
        ".map(body => body.rows[0].cells[0].innerText.split('\\n')[0].trim())"
    )


def head(column: str) -> str:
    return f"document.querySelector('th[data-column={column}]')"


def test_a_click_on_a_heading_sorts_by_its_numbers_and_the_next_the_other_way(
    opened: Browser,
) -> None:
    order = ["model-10", "model-9", "model-11", "majority", "model-1"]
    assert names(opened) == order
    click = f"{head('parameters')}.querySelector('button').click()"
    opened.run(click)
    assert names(opened) == ["model-11", "model-10", "model-9", "majority", "model-1"]
    assert opened.run(f"{head('parameters')}.ariaSort") == "ascending"
    assert (
        opened.run("document.querySelectorAll('.board')[0].querySelectorAll('[aria-sort]').length")
        == 1
    )
    opened.run(click)
    assert names(opened) == ["model-9", "model-10", "model-11", "majority", "model-1"]
    opened.run(f"{head('time')}.querySelector('button').click()")
    assert names(opened) == order  # of two that took as long, the better is first
    opened.run(f"{head('mean')}.querySelector('button').click()")
    assert names(opened) == order
    opened.run(f"{head('mean')}.querySelector('button').click()")
    assert names(opened) == ["majority", "model-11", "model-9", "model-10", "model-1"]
    other = "document.querySelectorAll('.board')[1].tBodies[0].innerText"
    assert opened.run(other).startswith("model-10")


def test_the_keyboard_sorts_and_opens(opened: Browser) -> None:
    opened.run(f"{head('name')}.querySelector('button').focus()")
    opened.press("Enter", 13, "\r")
    assert names(opened) == ["majority", "model-1", "model-9", "model-10", "model-11"]
    assert opened.run(MORE) == "none"
    opened.run("document.querySelector('.opener summary').focus()")
    opened.press("Enter", 13, "\r")
    assert opened.run(MORE) == "table-row"
    assert "directory" in opened.run("document.querySelector('.more').innerText")
    opened.run("document.querySelector('.copy').focus()")
    opened.press("Enter", 13, "\r")
    said = opened.run("getSelection().toString()")
    assert said == "python -m seqbench.train -m task=pets model=model-1"


def test_colours_follow_the_system_until_they_are_chosen_which_is_remembered(
    opened: Browser, tmp_path: Path
) -> None:
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    assert opened.run(ground) == WHITE
    opened.screen(1440, dark=True)
    assert opened.run(ground) == BLACK
    opened.run("document.getElementById('theme').click()")
    assert opened.run("document.getElementById('theme').innerText") == "Colours: light"
    assert opened.run(ground) == WHITE
    for _ in range(20):  # Chromium may read what is stored before the last write has landed
        opened.open((tmp_path / "report.html").as_uri())
        if opened.run(ground) == WHITE:
            break
    assert opened.run(ground) == WHITE
    opened.run("document.getElementById('theme').click()")
    opened.screen(1440, dark=False)
    assert opened.run(ground) == BLACK
    opened.call("Emulation.setEmulatedMedia", media="print")
    assert opened.run(ground) == WHITE


def test_a_phone_shows_the_page_without_scrolling_it_sideways(opened: Browser) -> None:
    opened.screen(360)
    opened.run("for (const one of document.querySelectorAll('details')) one.open = true")
    assert opened.run("document.documentElement.scrollWidth") <= 360
    table = opened.run("document.querySelector('.scroll').scrollWidth")
    assert table > 700  # the table scrolls within itself, and its names stay
    left = "document.querySelector('tbody .name').getBoundingClientRect().left"
    before = opened.run(left)
    opened.run("document.querySelector('.scroll').scrollLeft = 300")
    assert opened.run(left) == before
    moved = "document.querySelector('.board').getBoundingClientRect().left"
    assert opened.run(moved) == before - 300
    details = "document.querySelector('.more > td > div').getBoundingClientRect().width"
    assert opened.run(details) < 360


def test_without_scripts_the_table_is_whole_and_rows_open(opened: Browser, tmp_path: Path) -> None:
    opened.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        opened.open((tmp_path / "report.html").as_uri())
        assert names(opened)[0] == "model-10"
        assert (
            opened.run("document.querySelectorAll('th button, button:not([hidden])').length") == 0
        )
        opened.run("document.querySelector('.opener').open = true")
        assert (
            opened.run("getComputedStyle(document.querySelector('.more')).display") == "table-row"
        )
    finally:
        opened.call("Emulation.setScriptExecutionDisabled", value=False)


def test_a_script_of_somebody_elses_would_not_run_and_be_seen(opened: Browser) -> None:
    script = "Object.assign(document.createElement('script'), {text: 'hacked = 1'})"
    opened.run(f"document.body.append({script})")
    assert opened.run("typeof hacked") == "undefined"
    (event,) = opened.trouble
    assert "Content Security Policy" in event["params"]["entry"]["text"]
    opened.events = []
