"""What these tests compose they compose once, where no path in it matters."""

from copy import deepcopy
from typing import Any

import pytest

from seqbench.examining import configs


@pytest.fixture(scope="session")
def known() -> dict[tuple[str, ...], Any]:
    return {}


@pytest.fixture
def remembered(known: dict[tuple[str, ...], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    real = configs._composed

    def composed(*words: str) -> Any:
        if words not in known:
            known[words] = real(*words)
        return deepcopy(known[words])

    monkeypatch.setattr(configs, "_composed", composed)
