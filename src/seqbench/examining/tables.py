"""The doctor's report as tables, for a terminal of 80 columns or more. Needs no torch."""

from collections.abc import Callable, Iterable
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from seqbench.terminal import plain_console, visible

Node = dict[str, Any]


def show(report: Node, console: Console | None = None) -> None:
    """Print what ``--json`` would, as far as a reader wants it."""
    console = console or plain_console()
    for name, section in report.items():
        if name not in SHOWN:
            continue
        console.print(name, style="bold")
        if [*section] == ["error"]:
            _line(console, f"  could not be examined: {section['error']}")
        else:
            SHOWN[name](console, section)
        console.print()
    problems = report["problems"]
    console.print(f"{_count(len(problems), 'problem')}", style="bold")
    for number, each in enumerate(problems, 1):
        _hanging(console, f"{number}.", f"{each['problem']}; {each['remedy']}")


def _line(console: Console, text: str) -> None:
    console.print(visible(text), soft_wrap=True)


def _hanging(console: Console, mark: str, text: str) -> None:
    """A text of several lines, all to the right of its mark."""
    table = _grid()
    table.add_row(mark, _text(text))
    console.print(table)


def _text(value: Any) -> Text:
    return Text(visible("" if value is None else str(value)), overflow="fold")


def _put(console: Console, table: Table) -> None:
    console.print(Padding(table, (0, 0, 0, 2), expand=False))


def _lines(values: Iterable[str]) -> Text:
    return Text("\n".join(visible(value) for value in values), overflow="fold")


def _grid() -> Table:
    """Names and what there is to say of each, without a heading."""
    table = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _pairs(console: Console, pairs: Iterable[tuple[str, Any]]) -> None:
    table = _grid()
    for name, value in pairs:
        if value is not None:
            table.add_row(_text(name), _text(value))
    _put(console, table)


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for number, heading in enumerate(headings):
        last = number == len(headings) - 1
        table.add_column(Text(heading), no_wrap=not last)
    return table


def _count(number: int, what: str) -> str:
    return f"no {what}" if not number else f"{number} {what}{'s' * (number > 1)}"


def size(count: float | None) -> str:
    """Bytes as one says them."""
    if count is None:
        return "unknown"
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def _variables(found: Node) -> str | None:
    return ", ".join(f"{name}={value}" for name, value in found.items()) or None


def _versions(console: Console, found: Node) -> None:
    build = found["torch_build"]
    built = [f"{name} {value}" for name, value in build.items() if value and name != "error"]
    installed = found["installed"]
    if installed is None:
        told = "not installed"
    else:
        told = "installed" if installed == found["seqbench"] else f"installed: {installed}"
    _pairs(
        console,
        [
            ("seqbench", f"{found['seqbench']} ({told}), in {found['source']}"),
            ("python", f"{found['python']}, {found['executable']}"),
            ("platform", found["platform"]),
            ("torch's build", build.get("error") or ", ".join(built) or "for CPUs alone"),
        ],
    )
    table = _table("package", "installed", "needed")
    for package in found["packages"]:
        mark = "" if package["fits"] else "  <- does not fit"
        version = package["installed"] or "none"
        table.add_row(f"{package['name']}", _text(version), f"{package['required']}{mark}")
    _put(console, table)
    table = _table("extra", "state", "pip install 'seqbench[EXTRA]' brings")
    for name, extra in found["extras"].items():
        state = "complete" if extra["complete"] else "incomplete"
        table.add_row(f"{name}", state, _text(", ".join(extra["brings"]) or "nothing more"))
    _put(console, table)


def _devices(console: Console, found: Node) -> None:
    cpu, cuda, mps = found["cpu"], found["cuda"], found["mps"]
    limit = cpu["limit_cores"]
    cores = f"{cpu['cores']}, of which this process may use {cpu['usable_cores']}"
    if limit is not None:
        cores += f", {limit:g} at a time (control group)"
    memory = f"{size(cpu['memory_bytes'])}, {size(cpu['available_bytes'])} available"
    if cpu["limit_bytes"] is not None:
        memory += f", limit {size(cpu['limit_bytes'])} (control group)"
    pairs = [("processor", cpu["processor"]), ("cores", cores), ("memory", memory)]
    for number, device in enumerate(cuda["devices"]):
        told = [
            device["name"] or "?",
            f"{size(device['memory_bytes'])}, {size(device['free_bytes'])} free",
            f"capability {device['capability']}",
        ]
        pairs.append((f"cuda:{number}", ", ".join(told)))
        if device["why"]:
            pairs.append(("", f"fails: {device['why']}"))
    if not cuda["devices"]:
        pairs.append(("CUDA", f"none: {cuda['why']}"))
    driver = cuda["driver"]
    if driver["version"]:
        pairs.append(("driver", f"{driver['version']}, knows CUDA {driver['cuda']}"))
    pairs.append(("MPS", "usable" if mps["usable"] else f"none: {mps['why']}"))
    _pairs(console, [*pairs, ("environment", _variables(found["environment"]))])


def _threads(console: Console, found: Node) -> None:
    environment = dict(found["environment"])
    if found["spincount_is_seqbenchs"] and "GOMP_SPINCOUNT" in environment:
        environment["GOMP_SPINCOUNT"] += " (seqbench's own)"
    _pairs(
        console,
        [
            ("torch", f"{found['intraop']} within an operation, {found['interop']} between them"),
            ("environment", _variables(environment)),
        ],
    )


def _precision(console: Console, found: Node) -> None:
    """A table a device; a number where it does not work leads to the reason below."""
    reasons: list[str] = []
    for device in dict.fromkeys(row["device"] for row in found["cells"]):
        rows = [row for row in found["cells"] if row["device"] == device]
        headings = [name.replace("-", "\n") for name in rows[0]["precisions"]]
        table = _table(f"on {device}", "runs", *headings)
        table.columns[0].no_wrap, table.columns[0].overflow = False, "fold"
        table.columns[-1].no_wrap = True
        for row in rows:
            cells = []
            for outcome in row["precisions"].values():
                why = outcome["why"]
                if why and why not in reasons:
                    reasons.append(why)
                cells.append("yes" if outcome["works"] else f"no ({reasons.index(why) + 1})")
            table.add_row(_text(row["cell"]), row["backend"], *cells)
        _put(console, table)
    for number, reason in enumerate(reasons, 1):
        _hanging(console, f"  ({number})", reason)


def _launchers(console: Console, found: Node) -> None:
    table = _table("launcher", "usable", "why not")
    for each in found["launchers"]:
        table.add_row(f"hydra/launcher={each['name']}", *_usable(each))
    for each in found["ddp"]:
        table.add_row(f"trainer=ddp ({each['name']})", *_usable(each))
    _put(console, table)
    table = _table("program", "place")
    for name, each in found["programs"].items():
        beside = "" if each["on_path"] or not each["path"] else ", which PATH lacks"
        table.add_row(f"{name}", _text(f"{each['path'] or 'none'}{beside}"))
    _put(console, table)


def _usable(each: Node) -> tuple[str, Text]:
    return "yes" if each["usable"] else "no", _text(each["why"])


SOURCES = {"files": "files", "hub": "hub", "built_in": "built in", None: "none"}


def _data(console: Console, found: Node) -> None:
    asked = "not to be asked" if found["offline"] else "may be asked"
    folder = found["environment"].get("SEQBENCH_DATA_DIR", "").rstrip("/")
    unset = "" if folder else ", which is not set"
    _pairs(
        console,
        [
            ("hub", f"https://huggingface.co/datasets/..., {asked}"),
            ("environment", _variables(found["environment"])),
            ("files", f"task.path=FILE of any task, or below SEQBENCH_DATA_DIR{unset}"),
        ],
    )
    table = _table("task", "data", "place", "otherwise from")
    for each in found["tasks"]:
        place = each["name"] or ""
        if each["source"] == "files" and each["bytes"] is not None:
            if folder and place.startswith(f"{folder}/"):
                place = place.removeprefix(f"{folder}/")
            place += f" ({size(each['bytes'])})"
        if each["source"] == "hub":
            place += ", cached" if each["cached"] else ", to be fetched" if not each["why"] else ""
        told = ": ".join(filter(None, [place, each["why"]]))
        others = [f"{SOURCES[other['source']]} {other['name']}" for other in each["others"]]
        table.add_row(f"{each['task']}", SOURCES[each["source"]], _text(told), _lines(others))
    table.columns[2].no_wrap = False
    _put(console, table)


def _folders(console: Console, found: Node) -> None:
    locks = {True: "locks work", False: "no working locks"}
    pairs = []
    for each in found["folders"]:
        told = [] if each["exists"] else ["not there yet"]
        told.append("writable" if each["writable"] else f"cannot be written: {each['why']}")
        if each["free_bytes"] is not None:
            told.append(f"{size(each['free_bytes'])} free")
        if each["locks"] is not None:
            told.append(locks[each["locks"]])
        if each["bytes"] is not None:
            told.append(f"holds {'' if each['whole'] else 'more than '}{size(each['bytes'])}")
        pairs.append((each["name"], f"{each['path']}: {', '.join(told)}"))
    _pairs(console, pairs)


SHOWN: dict[str, Callable[[Console, Node], None]] = {
    "versions": _versions,
    "devices": _devices,
    "threads": _threads,
    "precision": _precision,
    "launchers": _launchers,
    "data": _data,
    "folders": _folders,
}
