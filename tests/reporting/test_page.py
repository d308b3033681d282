"""The HTML page of a report."""

import base64
import hashlib
import math
import re
import subprocess
import sys
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest
import yaml
from tests.reporting.dom import having, text, tree
from tests.reporting.made import board, estimate, failed, report, row, run

from seqbench.reporting.entries import Entry
from seqbench.reporting.leaderboard import Costs, Leaderboard, Report
from seqbench.reporting.page import page
from seqbench.reporting.picture import Picture
from seqbench.reporting.plots import pictures

COSTS = Costs(
    epochs=12.5,
    learning_rate=0.001,
    parameters=349_630,
    state_size=512,
    tokens_per_second=54_352.6,
    epoch_seconds=0.1712,
    fit_seconds=134.2,
    reached=2,
    seconds_to=61.23,
    steps_to=1200.0,
    peak_memory_bytes=412 * 2**20,
)


def pets() -> Leaderboard:
    broken = [failed("rnn", 7, error="the loss is nan"), failed("rnn", 8, "running")]
    return board(
        row("lstm", [0.8832, 0.8851, 0.8809], "best", costs=COSTS, other="gru"),
        row("gru", [0.8812, 0.8813, 0.8811], "tied", further={"val/accuracy": 0.9, "val/loss": 1}),
        row("tfidf", [0.8701], kind="baseline"),
        row("rnn", [0.5, 0.52], "worse", others=broken, settings={"optimizer.lr": 3e-5}),
        row("majority", [0.2], kind="trivial"),
        row("new", [], others=[failed("new", 0, "interrupted")]),
        threshold=0.8,
        notes=["Two runs are left out."],
    )


def table(root: Element, number: int = 0) -> list[dict[str, Element]]:
    """The rows of a leaderboard: cells by the name of their column."""
    found = having(root, "board")[number]
    names = [head.get("data-column", "") for head in found.findall("./thead/tr/th")]
    rows = [body[0] for body in found.findall("tbody")]
    assert all(len(one) == len(names) for one in rows)
    return [dict(zip(names, one, strict=True)) for one in rows]


def shown(html: str) -> list[dict[str, str]]:
    return [{name: text(cell) for name, cell in one.items()} for one in table(tree(html))]


def test_a_row_has_its_numbers_as_one_reads_them() -> None:
    lstm, gru, tfidf, rnn, majority, new = shown(page(report(pets()), {}))
    assert lstm | {"": ""} == {
        "name": "lstm",
        "mean": "0.8831",
        "": "",
        "interval": "[0.8809, 0.8851]",
        "verdict": "best",
        "difference": "+0.3832 [+0.2832, +0.4832] to gru",
        "p": "0.008",
        "median": "0.8832",
        "on-0": "–",
        "seeds": "3",
        "failed": "0",
        "unfinished": "0",
        "epochs": "12.5",
        "rate": "0.001",
        "parameters": "349,630",
        "state": "512",
        "speed": "54,353",
        "epoch-time": "0.17 s",
        "time": "134 s",
        "memory": "412 MiB",
        "time-to": "61.2 s (2 of 3)",
        "steps-to": "1,200 (2 of 3)",
    }
    assert gru["verdict"] == "cannot be told from the best"
    assert gru["on-0"] == "0.9000"
    assert gru["time-to"] == "0 of 3"
    assert (tfidf["name"], tfidf["seeds"]) == ("tfidf classical baseline", "–")
    assert (tfidf["interval"], tfidf["median"], tfidf["time-to"]) == ("–", "–", "–")
    assert rnn["name"] == "rnn few seeds"
    assert (rnn["verdict"], rnn["seeds"], rnn["failed"], rnn["unfinished"]) == ("worse", *"211")
    assert (majority["name"], majority["mean"]) == ("majority trivial rule", "0.2000")
    assert (majority["seeds"], majority["failed"]) == ("–", "–")
    assert (new["mean"], new["seeds"], new["unfinished"]) == ("–", "0", "1")


def test_cells_are_sorted_by_the_whole_number_and_missing_ones_by_none() -> None:
    rows = table(tree(page(report(pets()), {})))
    keys = [one["mean"].get("data-value") for one in rows]
    assert keys[-1] is None
    expected = [one.estimate.mean for one in pets().rows if one.estimate]
    assert [float(key) for key in keys[:-1] if key] == expected
    ranks = ["0.0", "1.0", None, "3.0", None, None]
    assert [one["verdict"].get("data-value") for one in rows] == ranks
    assert rows[0]["speed"].get("data-value") == "54352.6"


def test_numbers_that_are_none_are_last_and_infinite_ones_are_sorted() -> None:
    rows = [row("a", [91.5, 92.5]), row("b", [math.inf]), row("c", [math.nan])]
    html = page(report(board(*rows, metric="perplexity", mode="min")), {})
    found = table(tree(html))
    assert [text(one["mean"]) for one in found] == ["92.00", "inf", "nan"]
    assert [one["mean"].get("data-value") for one in found] == ["92.0", "Infinity", None]
    assert text(having(found[1][""], "beyond")[0]) == "off the scale ▸"
    assert not [*found[2][""]]


def test_a_column_without_numbers_is_left_out_and_headings_tell_their_order() -> None:
    made = board(row("a", [1.5, 2.5]), row("b", [2.5, 3.5]), metric="perplexity", mode="min")
    (heads,) = [
        one.findall("./thead/tr/th") for one in having(tree(page(report(made), {})), "board")
    ]
    names = [head.get("data-column") for head in heads]
    assert names == ["name", "mean", None, "interval", "seeds", "failed", "median"]
    assert [head.get("aria-sort") for head in heads] == [None, "ascending", *[None] * 5]
    firsts = [head.get("data-first") for head in heads]
    assert firsts == ["ascending", "ascending", None, "ascending", *["descending"] * 2, "ascending"]


def test_rows_that_stand_in_no_columns_order_are_not_called_sorted() -> None:
    made = board(row("a", [0.5, 0.6], data="A"), row("b", [0.7, 0.8], data="B"))
    root = tree(page(report(made), {}))
    assert not [element for element in root.iter() if "aria-sort" in element.attrib]
    assert [text(one["name"]) for one in table(root)] == [
        "a data A few seeds",
        "b data B few seeds",
    ]


def test_a_row_opens_to_its_command_runs_and_config() -> None:
    root = tree(page(report(pets()), {}))
    opener = having(root, "opener")
    more = having(root, "more")
    assert [text(one) for one in opener] == ["lstm", "gru", "tfidf", "rnn", "new"]
    assert [one[0].get("aria-controls") for one in opener] == [one.get("id") for one in more]
    rnn = more[3]
    command = having(rnn, "command")[0]
    assert text(command[0]) == "python -m seqbench.train -m task=pets model=rnn"
    runs = [[text(cell) for cell in line] for line in having(rnn, "runs")[0].findall("./tbody/tr")]
    assert runs == [
        ["0", "ok", "0.5000", "outputs/pets/rnn/seed-0-0123456789"],
        ["1", "ok", "0.5200", "outputs/pets/rnn/seed-1-0123456789"],
        ["7", "failed", "–", "outputs/pets/rnn/seed-7-0123456789the loss is nan"],
        ["8", "running", "–", "outputs/pets/rnn/seed-8-0123456789"],
    ]
    config = having(rnn, "config")[0]
    assert text(config[0]) == "Config of seed 0, from which the other runs differ in the seed alone"
    assert yaml.safe_load("".join(config[1].itertext())) == run("rnn", 0, 0.5).config
    facts = [[text(part) for part in one] for one in rnn.findall(".//dl/div")]
    assert facts == [["optimizer.lr", "3e-05"], ["made with", "seqbench 0.1.0, torch 2.9.0, Z80"]]


def test_what_else_the_runs_of_a_row_differ_in_is_told() -> None:
    first = row("lstm", [0.8, 0.9, 0.7])
    others = [run("lstm", seed, 0.8, progress="none") for seed in (0, 1)]
    odd = run("lstm", 2, 0.7, optimizer={"lr": 0.01}, progress="bar")
    found = {"environment": {"torch": "2.8.0"}}
    odd = replace(odd, result={**(odd.result or {}), **found})
    root = tree(page(report(board(replace(first, runs=[*others, odd]))), {}))
    facts = {text(one[0]): [text(dd) for dd in one[1:]] for one in root.findall(".//dl/div")}
    assert facts["optimizer.lr"] == ["0.001 (seed 0, 1)", "0.01 (seed 2)"]
    assert facts["environment.torch"] == ["2.9.0 (seed 0, 1)", "2.8.0 (seed 2)"]
    assert "progress" not in facts
    assert "seed" not in facts
    assert text(having(root, "config")[0][0]) == "Config of seed 0"


def test_the_heading_says_what_was_found_and_where() -> None:
    made = Report(
        [], {"ok": 1000, "torn": 1, "newer": 2}, ["outputs", "other"], "today", ["A note."]
    )
    root = tree(page(made, {}))
    header = root.find(".//header")
    assert header is not None
    assert [text(p) for p in header.findall("p")] == [
        "Made today of 1,003 runs in outputs, other.",
        "A note.",
    ]
    assert [text(one) for one in header.findall("ul/li")] == ["1,000 ok", "1 torn", "2 newer"]
    assert text(root.find(".//main")) == "No run was found that says of what task it is."


def test_contents_are_listed_where_there_are_several_tasks() -> None:
    assert tree(page(report(pets()), {})).find(".//nav") is None
    one, two = pets(), board(row("a", [0.3]), task="Ünï/../task")
    root = tree(page(report(one, two), {}))
    sections = [section.get("id") for section in root.findall(".//section")]
    assert sections == ["task-1-pets", "task-2-n-task"]
    links = root.findall(".//nav//a")
    assert [link.get("href") for link in links] == [f"#{section}" for section in sections]
    assert [text(link) for link in links] == ["pets", "Ünï/../task"]
    assert text(root.find(".//section")).startswith("pets test accuracy; higher is better lstm is")


HOSTILE = "<script>alert(1)</script><!--'\"></td>{{ 7*7 }}&amp;\u202e\x1b[2J\n\0\ud800"
READ = "<script>alert(1)</script><!--'\"></td>{{ 7*7 }}&amp;\\u202e\\u001b[2J\\u000a\\u0000\\ud800"


def test_what_others_wrote_is_text_and_steers_nothing() -> None:
    bad = HOSTILE
    entry = Entry(Path(bad.replace("\0", "")), bad, bad, bad, 0, bad, config={bad: bad}, error=bad)
    own = replace(
        row(bad, [0.5, 0.6, 0.7], "best", data=bad, other=bad, further={f"{bad}/accuracy": 0.5}),
        others=[entry],
        command=bad,
        settings={bad: bad},
    )
    made = board(own, row("b", [0.1], "worse"), task=bad, notes=[bad])
    whole = Report([made, pets()], {"ok": 1}, [bad], bad, [bad])
    drawn = pictures(replace(made, rows=[replace(each, data="A") for each in made.rows]))
    html = page(whole, {bad: [Picture(bad, bad, bad, "<svg/>"), *drawn]})
    html.encode()
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e\ud800]", html)
    root = tree(html)
    assert len([*root.iter("script")]) == 1
    assert len([*root.iter("td")]) == len([*tree(html.replace("&lt;", "")).iter("td")])
    assert text(root.find(".//h2[@id='task-1-script-alert-1-script-td-7-7-amp-2j-title']")) == READ
    name = table(root)[0]["name"]
    assert text(name.find("details/summary")) == READ
    assert text(name.find("small/span")) == f"data {READ}"
    assert text(table(root)[0]["difference"]).endswith(f"to {READ}")
    assert text(having(root, "command")[0][0]) == READ
    line = having(root, "runs")[0].find("./tbody/tr")
    assert line is not None
    assert text(line.find("td[2]")) == READ
    error = having(root, "error")[0]
    assert "".join(error.itertext()) == READ.replace("\\u000a", "\n")
    assert text(root.find(".//figcaption")) == f"{READ} {READ}"


def test_a_page_needs_nothing_besides_itself_and_runs_its_own_script_alone() -> None:
    html = page(report(pets(), board(row("a", [0.1]))), {"pets": pictures(pets())})
    own_text = html.replace(script(), "").replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search("https?:|@import|//[a-z]", own_text)
    root = tree(html)
    for element in root.iter():
        for name, value in element.attrib.items():
            assert not name.startswith("on")
            if name in ("src", "href"):
                assert value.startswith("#") or value == "data:,"
    policy = root.find(".//meta[@http-equiv]")
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy.get("content", "").split(";"))
    (own,) = root.iter("script")
    digest = base64.b64encode(hashlib.sha256((own.text or "").encode()).digest()).decode()
    assert rules["script-src"] == f"'sha256-{digest}'"
    assert rules["default-src"] == "'none'"
    assert own.text == script()


def script() -> str:
    return (files("seqbench.reporting") / "page.js").read_text("utf-8")


def test_every_id_is_there_once_and_what_refers_to_one_finds_it() -> None:
    boards = [pets(), board(row("x", [0.1, 0.2]), task="t")]
    drawn = {each.task: pictures(each) for each in boards}
    assert all(drawn.values())
    root = tree(page(report(*boards), drawn))
    ids = [element.get("id") for element in root.iter() if "id" in element.attrib]
    assert len({*ids}) == len(ids)
    clipped = [e.get("clip-path", "")[5:-1] for e in root.iter() if "clip-path" in e.attrib]
    named = [e.get(a, "") for e in root.iter() for a in ("aria-controls", "aria-labelledby")]
    linked = [e.get("href", "")[1:] for e in root.iter() if e.get("href", "").startswith("#")]
    assert {*clipped, *filter(None, named), *linked} <= {*ids}


def test_a_thousand_runs_stay_a_small_page() -> None:
    def group(number: int) -> list[float]:
        return [0.5 + number / 100 + seed / 10_000 for seed in range(100)]

    rows = [row(f"model-{number}", group(number), "worse", costs=COSTS) for number in range(10)]
    long = {"task": {f"setting_{n}": f"value {n}" for n in range(150)}}
    rows = [
        replace(one, runs=[replace(e, config=long | {"seed": e.seed}) for e in one.runs])
        for one in rows
    ]
    html = page(report(board(*rows)), {})
    assert len(html) < 1_000_000
    assert html.count("setting_149") == 10
    assert html.count("/seed-99-") == 10


def test_rules_alone_and_a_leaderboard_without_numbers_are_shown() -> None:
    bare = board(row("new", [], others=[failed("new", 0)]))
    rules = board(row("majority", [0.4], kind="trivial"))
    root = tree(page(report(bare, rules), {}))
    assert text(having(root, "lead")[0]) == "No run has ended with a number for this metric yet."
    assert [text(one["name"]) for one in table(root, 0)] == ["new few seeds"]
    assert [text(one["mean"]) for one in table(root, 1)] == ["0.4000"]
    assert replace(rules.rows[0], estimate=estimate(0.4)) == rules.rows[0]


def test_a_page_needs_no_torch() -> None:
    code = "import sys; from seqbench.reporting import page; print('torch' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "False\n"


@pytest.mark.parametrize("ground", ["ground", "panel", "shade"])
def test_colours_can_be_told_from_their_ground_in_light_and_dark(ground: str) -> None:
    css = (files("seqbench.reporting") / "page.css").read_text("utf-8")
    themes = [
        dict(re.findall(r"--(\w+): #(\w{6});", part))
        for part in re.findall(r"{([^{}]*--ground:[^{}]*)}", css)
    ]
    light, dark, chosen = themes
    assert dark == chosen
    for theme in (light, dark):
        for name in {"text", "muted", "accent", "good", "bad", "warn"}:
            if ground != "shade" or name in ("text", "accent"):
                assert contrast(theme[name], theme[ground]) >= 4.5, name


def contrast(one: str, other: str) -> float:
    """WCAG 2.2's contrast ratio of two colours."""
    brighter, darker = sorted(map(luminance, (one, other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
