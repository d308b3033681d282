"""Which packages are here, and which seqbench and its extras ask for. Needs no torch.

What is asked for stands in one place, pyproject.toml: it is read there in a checkout, and from the
installed metadata elsewhere.
"""

import platform
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion

from seqbench.examining.section import Section, one_line
from seqbench.places import PACKAGE

NAME = "seqbench"


@dataclass(frozen=True)
class Package:
    """A requirement, and the version that is installed; None where none is."""

    requirement: Requirement
    installed: str | None

    @property
    def name(self) -> str:
        return self.requirement.name

    @property
    def fits(self) -> bool:
        if self.installed is None:
            return False
        try:
            return self.requirement.specifier.contains(self.installed, prereleases=True)
        except InvalidVersion:
            return False

    @property
    def range(self) -> str:
        """The lower bound first, as one writes it."""
        return ",".join(sorted(map(str, self.requirement.specifier), reverse=True))

    def __str__(self) -> str:
        return f"{self.name}{self.range}"

    def told(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "required": self.range,
            "installed": self.installed,
            "fits": self.fits,
        }


@dataclass(frozen=True)
class Declared:
    """What seqbench asks for. version: its own. extras: by name, those of extras in them too."""

    version: str
    requirements: list[Requirement]
    extras: dict[str, list[Requirement]] = field(default_factory=dict)

    def texts(self) -> dict[str, set[str]]:
        """For a comparison of two: requirements as texts, by the extra's name."""
        every = {"": self.requirements, **self.extras}
        return {name: {_plain(each) for each in some} for name, some in every.items()}

    def packages(self) -> list[Package]:
        return [Package(each, version_of(each.name)) for each in self.requirements]

    def extra(self, name: str) -> list[Package]:
        """What an extra asks for; nothing where there is no such extra."""
        return [Package(each, version_of(each.name)) for each in self.extras.get(name, [])]


def _plain(requirement: Requirement) -> str:
    return f"{canonicalize_name(requirement.name)}{requirement.specifier}"


def version_of(name: str) -> str | None:
    try:
        found: str | None = installed_version(name)
    except PackageNotFoundError:
        return None
    return found  # None, whatever its type says, where a package's own metadata are damaged


def checkout(package: Path = PACKAGE) -> Path | None:
    """The pyproject.toml of the checkout that this code lies in, if it lies in one."""
    path = package.parents[1] / "pyproject.toml"
    return path if path.is_file() else None


def of_checkout(path: Path) -> Declared:
    project = tomllib.loads(path.read_text("utf-8"))["project"]
    always = [Requirement(text) for text in project["dependencies"]]
    extras = {
        name: [Requirement(text) for text in texts]
        for name, texts in project.get("optional-dependencies", {}).items()
    }
    return _here(project["version"], always, extras)


def of_metadata(installed: Distribution) -> Declared:
    names = installed.metadata.get_all("Provides-Extra") or []
    every = [Requirement(text) for text in installed.requires or []]
    always = [each for each in every if _holds(each, "")]
    extras = {
        name: [each for each in every if _holds(each, name) and each not in always]
        for name in names
    }
    return _here(installed.version, always, extras)


def _here(
    version: str, always: list[Requirement], extras: dict[str, list[Requirement]]
) -> Declared:
    """Of what is asked for, that which is asked for on this system and Python."""
    held = {name: [each for each in some if _holds(each, name)] for name, some in extras.items()}
    return Declared(
        version,
        [each for each in always if _holds(each, "")],
        {name: _expanded(some, held) for name, some in held.items()},
    )


def _holds(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def _expanded(
    requirements: Iterable[Requirement], extras: dict[str, list[Requirement]], depth: int = 9
) -> list[Requirement]:
    """An extra of seqbench's own stands for what that asks for."""
    found: list[Requirement] = []
    for each in requirements:
        if canonicalize_name(each.name) != NAME:
            found.append(each)
        elif depth:
            for name in sorted(each.extras):
                found += _expanded(extras.get(name, []), extras, depth - 1)
    return found


def declared() -> Declared:
    """What the code that runs asks for. PackageNotFoundError where nothing says so."""
    path = checkout()
    return of_checkout(path) if path else of_metadata(distribution(NAME))


def examine() -> Section:
    wanted, path = declared(), checkout()
    packages = wanted.packages()
    section = Section(
        {
            "seqbench": wanted.version,
            "installed": version_of(NAME),
            "source": str(PACKAGE),
            "python": platform.python_version(),
            "executable": sys.executable,
            "platform": platform.platform(),
            "torch_build": _torch_build(),
            "packages": [package.told() for package in packages],
            "extras": {name: _extra(wanted.extra(name)) for name in wanted.extras},
        }
    )
    _installation(section, wanted, path)
    for package in packages:
        if package.installed is None:
            section.wrong(f"{package.name} is not installed", f"pip install '{package}'")
        elif not package.fits:
            what = f"{package.name} {package.installed} is installed, but seqbench needs {package}"
            section.wrong(what, f"pip install '{package}'")
    base = {canonicalize_name(package.name) for package in packages if not package.fits}
    for name in wanted.extras:
        for package in wanted.extra(name):
            known = canonicalize_name(package.name) in base
            if package.installed is None or package.fits or known:
                continue
            base.add(canonicalize_name(package.name))
            needs = f"seqbench[{name}] needs {package}"
            what = f"{package.name} {package.installed} is installed, but {needs}"
            section.wrong(what, f"pip install 'seqbench[{name}]'")
    build = section.content["torch_build"]
    if "error" in build:
        what = f"torch cannot be imported: {build['error']}"
        section.wrong(what, "pip install --force-reinstall torch")
    return section


def _installation(section: Section, wanted: Declared, path: Path | None) -> None:
    """Whether what is installed is the code that runs."""
    if path is None:
        return
    do = f"python -m pip install -e {path.parent}"
    try:
        installed = of_metadata(distribution(NAME))
    except PackageNotFoundError:
        section.wrong("seqbench runs from a checkout and is not installed", do)
        return
    if (installed.version, installed.texts()) != (wanted.version, wanted.texts()):
        section.wrong(f"seqbench was installed from another state of {path}", do)


def _extra(packages: list[Package]) -> dict[str, Any]:
    """brings: what pip would install or replace, besides what that itself asks for."""
    return {
        "complete": all(package.fits for package in packages),
        "packages": [package.told() for package in packages],
        "brings": [str(package) for package in packages if not package.fits],
    }


def _torch_build() -> dict[str, Any]:
    """What torch was built for, by version: CUDA or ROCm, cuDNN; None for what it was not."""
    try:
        import torch

        return {
            "cuda": torch.version.cuda,
            "rocm": torch.version.hip,
            "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]
        }
    except Exception as error:  # a library that is missing, or that another one contradicts
        return {"error": one_line(error)}
