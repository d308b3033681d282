"""Ranges on a search's line, and the trainings that they stand for."""

import pytest

from seqbench.errors import UserError
from seqbench.searching.ranges import Choices, Numbers, read


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("a.b=uniform(0,0.5)", Numbers("a.b", 0.0, 0.5, whole=False, log=False)),
        ("a.b=loguniform(1e-4, 1e-1)", Numbers("a.b", 1e-4, 1e-1, whole=False, log=True)),
        ("+a.b=int(-1,3)", Numbers("a.b", -1, 3, whole=True, log=False)),
        ("a.b=logint(8,256)", Numbers("a.b", 8, 256, whole=True, log=True)),
        ("model=rnn,gru", Choices("model", ("rnn", "gru"))),
        ("++a=choice(1,2.0)", Choices("a", ("1", "2.0"))),
        ("a=[1,2],[3,4]", Choices("a", ("[1,2]", "[3,4]"))),
        ("a=true,null", Choices("a", ("True", "null"))),
    ],
)
def test_what_is_a_range(word: str, found: Numbers | Choices) -> None:
    line = read(["task=pets", word])
    assert list(line.ranges.values()) == [found]
    assert line.keys == [found.key]


@pytest.mark.parametrize(
    "word", ["a=1", "a=[1,2]", "a='uniform(1,2)'", "a=int(2.0)", "a=б,в", "task.path=a,b", "~a"]
)
def test_what_is_none(word: str) -> None:
    line = read([word, "b=1,2"])
    assert line.keys == ["b"]
    assert line.words({"b": "2"}) == [word, "b=2"]


def test_the_words_of_a_trial_stand_where_the_ranges_stood() -> None:
    line = read(["+a=uniform(0,1)", "task=pets", "model=rnn,gru", "b=logint(1,9)"])
    assert line.words({"a": 1e-05, "model": "gru", "b": 3}) == [
        "+a=1e-05",
        "task=pets",
        "model=gru",
        "b=3",
    ]


def test_each_end_and_each_choice_is_probed() -> None:
    probes = read(["a=uniform(0,1)", "model=rnn,gru,lstm"]).probes()
    assert [probe["model"] for probe in probes] == ["rnn", "gru", "lstm"]
    assert {probe["a"] for probe in probes} == {0.0, 1.0}


def test_whole_ends_are_words_of_whole_numbers() -> None:
    """Else a width would be 8.0, and refused."""
    line = read(["a=int(8,16)"])
    assert [line.words(probe) for probe in line.probes()] == [["a=8"], ["a=16"]]


def test_ranges_are_described_as_they_are_written() -> None:
    words = ["a=uniform(0,1)", "b=loguniform(1,2)", "c=int(1,2)", "d=logint(1,2)", "e=x,y"]
    assert read(words).describe() == {
        "a": ["uniform", 0.0, 1.0],
        "b": ["loguniform", 1.0, 2.0],
        "c": ["int", 1, 2],
        "d": ["logint", 1, 2],
        "e": ["choice", "x", "y"],
    }


@pytest.mark.parametrize("word", ["a=range(1,3)", "a=shuffle(1,2)", "a=tag(log,interval(1,2))"])
def test_what_of_hydra_s_is_none_here(word: str) -> None:
    with pytest.raises(UserError, match=r"a search takes uniform\(a,b\)"):
        read([word])
