"""Whatever is typed, a main gives back a status and tells at most one line."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqbench import compose

Called = tuple[int, str, str]

STRANGE = st.sampled_from(
    ["${seed}", "${", "'", '"', "[", "]", "{}", "{a:1}", "a=b", "null", "???", "1e999", "-", "имя"]
)
VALUES = st.one_of(
    STRANGE,
    st.text(max_size=12),
    st.integers().map(str),
    st.floats().map(str),
    st.lists(st.integers() | st.text(max_size=4), max_size=3).map(str),
)
OPTIONS = st.sampled_from(["-m", "--cfg", "job", "--info", "--mulitrun", "--config-dir", "-x"])
PREFIXES = st.sampled_from(["", "", "", "+", "++", "~"])


def keys() -> list[str]:
    found: list[str] = []

    def job(config: dict[str, Any], origin: Callable[[str], str]) -> int:
        found.extend(_names(config, ""))
        return 0

    compose.run([], job)
    return found


def _names(node: dict[str, Any], path: str) -> Iterator[str]:
    for key, value in node.items():
        yield path + key
        if isinstance(value, dict):
            yield from _names(value, f"{path}{key}.")


OVERRIDES = st.builds(
    "{}{}={}".format, PREFIXES, st.deferred(lambda: st.sampled_from(keys())), VALUES
)


@pytest.fixture
def checked(call: Callable[..., Called], here: Path) -> Callable[..., None]:
    def check(verb: str, *words: str) -> None:
        status, _, err = call(verb, *words)
        assert status in (0, 2), err
        assert "Traceback" not in err
        assert status == 0 or (len(err.splitlines()) == 1 and err.startswith("seqbench: ")), err
        assert list(here.iterdir()) == []

    return check


@settings(settings.get_profile("bad_input"), max_examples=40)
@given(words=st.lists(OVERRIDES, min_size=1, max_size=2))
def test_overrides(checked: Callable[..., None], words: list[str]) -> None:
    # The last word is refused when all others are valid, so that nothing is ever trained.
    checked("train", *words, "trainer.max_epochs=0")


@settings(settings.get_profile("bad_input"), max_examples=40)
@given(words=st.lists(OPTIONS | VALUES, min_size=1, max_size=3))
def test_words(checked: Callable[..., None], words: list[str]) -> None:
    checked("train", *words, "trainer.max_epochs=0")


@settings(settings.get_profile("bad_input"), max_examples=60)
@given(words=st.lists(STRANGE | st.text(), min_size=1, max_size=3))
def test_texts(checked: Callable[..., None], names_run: Path, words: list[str]) -> None:
    checked("predict", str(names_run), "--", *words)


@settings(settings.get_profile("bad_input"), max_examples=60)
@given(words=st.lists(VALUES | st.text("0123456789, .-٣²"), min_size=1, max_size=2))
def test_numbers(checked: Callable[..., None], sums_run: Path, words: list[str]) -> None:
    checked("predict", str(sums_run), "--", *words)


@settings(settings.get_profile("bad_input"), max_examples=60)
@given(words=st.lists(VALUES, max_size=3))
def test_runs(checked: Callable[..., None], words: list[str]) -> None:
    checked("evaluate", *words)
