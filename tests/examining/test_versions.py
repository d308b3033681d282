"""Packages that are missing or too old, extras that are incomplete, a stale installation."""

from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest

from seqbench.examining import versions
from seqbench.examining.section import Problem
from seqbench.places import PACKAGE

PYPROJECT = """
[project]
name = "seqbench"
version = "0.9"
dependencies = [
  "numpy>=2,<99", "not-there-at-all>=3", "old-one>=2.0", "elsewhere; sys_platform == 'x'"
]

[project.optional-dependencies]
some = ["old-one>=1", "numpy>=1"]
more = ["new-one>=5", "numpy>=1"]
other = ["also-old>=2"]
dev = ["seqbench[some,more]", "missing-tool>=1"]
"""
METADATA = """Metadata-Version: 2.4
Name: seqbench
Version: 0.9
Requires-Dist: elsewhere; sys_platform == 'x'
Requires-Dist: not-there-at-all>=3
Requires-Dist: numpy<99,>=2
Requires-Dist: old-one>=2.0
Provides-Extra: dev
Requires-Dist: seqbench[more,some]; extra == 'dev'
Requires-Dist: missing-tool>=1; extra == 'dev'
Provides-Extra: more
Requires-Dist: new-one>=5; extra == 'more'
Requires-Dist: numpy>=1; extra == 'more'
Provides-Extra: other
Requires-Dist: also-old>=2; extra == 'other'
Provides-Extra: some
Requires-Dist: numpy>=1; extra == 'some'
Requires-Dist: old-one>=1; extra == 'some'
"""


def install(site: Path, name: str, version: str, text: str | None = None) -> None:
    """A package's metadata, which is all that is looked at."""
    folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir(parents=True)
    text = text or f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n"
    (folder / "METADATA").write_text(text)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout as PYPROJECT says; where packages are installed that come before all others."""
    site = tmp_path / "site"
    for name, version in (("old-one", "1.5"), ("new-one", "6.0+local"), ("also-old", "weird_1")):
        install(site, name, version)
    monkeypatch.syspath_prepend(str(site))
    path = tmp_path / "pyproject.toml"
    path.write_text(PYPROJECT)
    monkeypatch.setattr(versions, "checkout", lambda: path)
    return site


def test_what_is_missing_or_too_old_is_told(site: Path) -> None:
    install(site, "seqbench", "0.9", METADATA)
    found = versions.examine()
    packages = {each["name"]: each for each in found.content["packages"]}
    assert list(packages) == ["numpy", "not-there-at-all", "old-one"]
    assert packages["numpy"]["fits"]
    assert packages["numpy"]["required"] == ">=2,<99"
    missing = {"name": "not-there-at-all", "required": ">=3", "installed": None, "fits": False}
    assert packages["not-there-at-all"] == missing
    assert found.problems == [
        Problem("not-there-at-all is not installed", "pip install 'not-there-at-all>=3'"),
        Problem(
            "old-one 1.5 is installed, but seqbench needs old-one>=2.0",
            "pip install 'old-one>=2.0'",
        ),
        Problem(
            "also-old weird_1 is installed, but seqbench[other] needs also-old>=2",
            "pip install 'seqbench[other]'",
        ),
    ]
    extras: dict[str, Any] = found.content["extras"]
    assert {name: extra["complete"] for name, extra in extras.items()} == {
        "some": True,
        "more": True,
        "other": False,
        "dev": False,
    }
    assert extras["dev"]["brings"] == ["missing-tool>=1"]
    names = {package["name"] for package in extras["dev"]["packages"]}
    assert names == {"old-one", "numpy", "new-one", "missing-tool"}


def test_an_installation_of_another_state_is_told(site: Path) -> None:
    install(site, "seqbench", "0.9", METADATA.replace("new-one>=5", "new-one>=4"))
    found = versions.examine().problems[0]
    assert found.what.startswith("seqbench was installed from another state of ")
    assert found.do == f"python -m pip install -e {site.parent}"


def test_a_checkout_that_is_not_installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lacks(name: str) -> Any:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(versions, "distribution", lacks)
    found = versions.examine().problems[0]
    assert found.what == "seqbench runs from a checkout and is not installed"


def test_without_a_checkout_the_metadata_say_the_same(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As they stand in a wheel, where extras within extras are either named or resolved."""
    own = versions.declared()
    install(site, "seqbench", "0.9", METADATA)
    monkeypatch.setattr(versions, "checkout", lambda: None)
    wheels = versions.declared()
    assert (own.version, own.texts()) == (wheels.version, wheels.texts())
    assert len(wheels.extras["dev"]) == 5
    assert not [each for each in versions.examine().problems if "state" in each.what]


def test_this_checkout_is_found() -> None:
    path = versions.checkout()
    assert path == PACKAGE.parents[1] / "pyproject.toml"
    assert versions.checkout(Path("/usr/lib/python3/site-packages/seqbench")) is None
