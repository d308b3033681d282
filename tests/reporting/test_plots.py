"""Pictures can stand in a page and in a paper, whatever the names in them."""

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from tests.reporting.drawn import Bench, lines, settings_of_a_user

from seqbench import figures
from seqbench.errors import UserError
from seqbench.reporting.leaderboard import Costs, Leaderboard
from seqbench.reporting.plots import drawings, pictures, save_pictures, stem
from seqbench.reporting.plotting import looks as dress
from seqbench.reporting.plotting.labels import apart
from seqbench.reporting.plotting.looks import looks
from seqbench.reporting.plotting.paper import paper
from seqbench.reporting.plotting.views import log_ticks, time_ticks
from seqbench.reporting.plotting.words import short

pytest.importorskip("matplotlib")

NAMES = ["a$\\frac{1}$_<b>", 'x & "y" ]]>', "two\nlines\x07", "שלום", "循環" * 20, "</svg><script>"]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    (tmp_path / "runs").mkdir()
    return Bench(tmp_path / "runs")


def named(bench: Bench, names: list[str], task: str = "pets") -> Leaderboard:
    for place, name in enumerate(names):
        slices = {"length": {"5": {"accuracy": 0.5}, "longer": {"accuracy": 0.4, "rows": 3}}}
        run = bench.run([0.1, 0.5], test=0.5 + place / 10, slices=slices)
        costs = Costs(parameters=10 * 3**place, fit_seconds=20.0 * 3**place)
        bench.row(name, run, costs=costs)
    return bench.board(task)


def test_a_picture_can_stand_in_a_page(bench: Bench) -> None:
    board = named(bench, NAMES, "a <task> $x$")
    found = pictures(board)
    kinds = ["rows", "curves", "slices", "time", "parameters"]
    assert [each.name.rpartition("-")[2] for each in found] == kinds
    ids: list[str] = []
    for each in found:
        root = ElementTree.fromstring(each.svg)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        tags = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert tags <= {"svg", "g", "defs", "path", "text", "tspan", "use", "clipPath", "rect"}
        ids += [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
        used = re.findall(r'(?:href="|url\()#([^")]+)', each.svg)
        assert {*used} <= {*ids}
        assert "currentColor" in each.svg
        assert not re.search(r"#00000[01]| style=|<script|DejaVu|<\?|<!", each.svg)
        texts = " ".join("".join(element.itertext()) for element in root.iter())
        for name in NAMES[:2]:
            assert name in texts
        assert "two\\u000alines\\u0007" in texts
        assert "循循" not in texts
        assert "…" in texts
        sizes = re.findall(r'font-size="([\d.]+)"', each.svg)
        assert min(map(float, sizes)) >= 8
        assert each.caption.endswith(".")
        assert "a <task> $x$" in each.title
    assert len(ids) == len({*ids})


def test_the_same_board_gives_the_same_bytes(bench: Bench, tmp_path: Path) -> None:
    bench.row("my_cell", bench.run([0.1, 0.5]), bench.run([0.1, 0.3]))
    board = bench.board()
    first = pictures(board)
    with settings_of_a_user():
        assert pictures(board) == first
    path = save_pictures([board], tmp_path, ["svg"])[-1]
    before = path.read_bytes()
    save_pictures([board], tmp_path, ["svg"])
    assert path.read_bytes() == before


def test_files_for_print(bench: Bench, tmp_path: Path) -> None:
    bench.row("my_cell", bench.run([0.1, 0.5]))
    folder = tmp_path / "new" / "pictures"
    written = save_pictures([bench.board()], folder, ["PNG", ".svg", "pdf", "svg"])
    stems = ("pets-rows", "pets-curves")
    assert written == [folder / f"{s}.{kind}" for s in stems for kind in ("png", "svg", "pdf")]
    assert sorted(folder.iterdir()) == sorted(written)
    drawn = written[1].read_text("utf-8")
    assert "currentColor" not in drawn
    assert "fill: #ffffff" in drawn
    assert written[2].read_bytes().startswith(b"%PDF")


def test_nothing_to_show(tmp_path: Path) -> None:
    board = Leaderboard("pets", "test", "accuracy", "max", [])
    assert pictures(board) == []
    assert save_pictures([board], tmp_path / "none", ["png"]) == []


@pytest.mark.parametrize(
    ("kind", "told"),
    [("pgn", "'pgn' is no format of pictures; did you mean 'png'?"), ("", "'' is no format")],
)
def test_a_format_that_there_is_not(bench: Bench, tmp_path: Path, kind: str, told: str) -> None:
    with pytest.raises(UserError, match=re.escape(told)):
        save_pictures([named(bench, ["gru"])], tmp_path / "new", ["svg", kind])
    assert not (tmp_path / "new").exists()


def test_a_file_where_the_folder_should_be(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UserError, match=re.escape(str(folder))):
            save_pictures([named(bench, ["gru"])], folder, ["svg"])
    assert (tmp_path / "file").read_text() == "mine"


def test_without_matplotlib(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "find_spec", lambda _: None)
    with pytest.raises(UserError, match="matplotlib, which is not installed"):
        pictures(named(bench, ["gru"]))


def test_nothing_heavy_is_loaded_before_there_is_something_to_draw() -> None:
    code = (
        "import sys; import seqbench.reporting.plots;"
        "print([name for name in ('torch', 'matplotlib', 'numpy') if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"


def test_a_cell_looks_the_same_everywhere(bench: Bench, tmp_path: Path) -> None:
    one = named(bench, ["gru", "lstm", "my_cell", "your_cell"])
    (tmp_path / "others").mkdir()
    other = Bench(tmp_path / "others")
    named(other, ["rnn", "gru", "my_cell"])
    other.row("gru lr=1e-3", other.run(), model="gru")
    here, there = looks(one), looks(other.board())
    assert here["my_cell"] == there["my_cell"]
    same = {
        (look.colour, look.marker) for look in (here["gru"], there["gru"], there["gru lr=1e-3"])
    }
    assert len(same) == 1
    assert there["gru"] != there["gru lr=1e-3"]
    with paper():
        for drawing in drawings(one):
            shown = lines(drawing.figure.axes[0])
            for name, look in here.items():
                assert shown[name].get_color() == look.colour
                assert shown[name].get_marker() == look.marker


def test_rows_of_one_cell_differ_in_the_order_of_their_settings(bench: Bench) -> None:
    rates = [0.0003, 0.001, 0.01, 0.1, 1.5, 10]
    for rate in reversed(rates):
        bench.row(f"gru lr={rate}", bench.run(), model="gru")
    found = looks(bench.board())
    assert [found[f"gru lr={rate}"].fill for rate in rates] == [*dress.FILLS]
    assert {look.colour for look in found.values()} == {dress.KNOWN["gru"][0]}


def test_no_two_cells_look_alike(bench: Bench) -> None:
    names = [*dress.KNOWN, *(f"cell {place}" for place in range(15))]
    found = looks(named(bench, names))
    assert len({(look.colour, look.marker) for look in found.values()}) == len(names)
    # Not by colour alone: in grey there is still the marker.
    assert len({look.marker for name, look in found.items() if name in dress.KNOWN}) == 9


@pytest.mark.parametrize("ground", ["#ffffff", "#111111"])
def test_colours_can_be_read_on_light_and_on_dark(ground: str) -> None:
    """By the contrast of WCAG 2.2 (3 for graphics)."""

    def light(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05

    for colour in [*dress.COLOURS, *(colour for colour, _ in dress.KNOWN.values())]:
        low, high = sorted((light(colour), light(ground)))
        assert high / low >= 3, colour


def test_names_in_a_column_keep_their_distance() -> None:
    moved = apart([0.5, 0.1, 0.5, 0.52, 0.9], 0.1, 0, 1)
    assert moved == pytest.approx([0.5066667 + 0.0, 0.1, 0.4066667, 0.6066667, 0.9])
    crowded = apart([1.0] * 5, 0.1, 0, 1)
    assert crowded == pytest.approx([1.0, 0.9, 0.8, 0.7, 0.6])
    assert apart([], 0.1, 0, 1) == []


@pytest.mark.parametrize(
    ("low", "high"), [(80e3, 450e3), (1e-5, 1e5), (99, 101), (0.5, 1e-9 + 0.5001), (3, 3000)]
)
def test_ticks_are_round_and_few(low: float, high: float) -> None:
    for ticks in (log_ticks(low, high), time_ticks(low, high)):
        assert 1 <= len(ticks) <= 7
        assert ticks == sorted({*ticks})
        assert all(low * 0.99 <= tick <= high * 1.01 for tick in ticks)


def test_names_are_cut_in_their_middle() -> None:
    assert short("lstm hidden_size=64") == "lstm hidden_size=64"
    long = [f"lstm{'x' * 60}={size}" for size in (64, 128)]
    assert short(long[0]) != short(long[1])
    assert all(len(short(each)) <= 30 and short(each).startswith("lstm") for each in long)
    assert short("") == ""


@pytest.mark.parametrize(
    ("task", "name"), [("pets", "pets"), ("word_lm", "word_lm"), ("Pets", r"pets-[0-9a-f]{8}"),
                       ("../x", r"x-[0-9a-f]{8}"), ("слово", r"task-[0-9a-f]{8}")]
)  # fmt: skip
def test_stems(task: str, name: str) -> None:
    assert re.fullmatch(name, stem(task))
