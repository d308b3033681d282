"""A text as streams side by side: nothing is left out, nothing is predicted twice."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seqbench.batch import IGNORE, Batch
from seqbench.datamodules.streams import Hidden, Streams
from seqbench.errors import UserError


def chunks(tokens: int, streams: int, steps: int) -> list[Batch]:
    """The batches of the text ``100, 101, ...``: a token is its place and 100."""
    data = Streams(np.arange(100, 100 + tokens, dtype=np.uint16), streams=streams, steps=steps)
    return [data[i] for i in range(data.chunks)]


@st.composite
def sizes(draw: st.DrawFn) -> tuple[int, int, int]:
    streams = draw(st.integers(1, 9))
    return draw(st.integers(streams + 1, 200)), streams, draw(st.integers(1, 40))


@settings(deadline=None, derandomize=True, database=None, max_examples=100)
@given(sizes())
def test_each_token_but_the_first_is_a_target_once(size: tuple[int, int, int]) -> None:
    tokens, streams, steps = size
    batches = chunks(tokens, streams, steps)
    targets = [i for batch in batches for i in batch.targets.flatten().tolist() if i != IGNORE]
    assert sorted(targets) == list(range(101, 100 + tokens))
    for batch in batches:
        there = batch.targets != IGNORE
        assert (batch.targets == batch.inputs + 1)[there].all()
        # What is read stands in front, and is as long as ``lengths`` says; a row has a step at
        # least, for a network cannot read none.
        assert (there.sum(1).clip(1) == batch.lengths).all()
        assert (there == (torch.arange(there.shape[1]) < there.sum(1)[:, None])).all()
        assert len(batch.inputs) == streams
    assert all(batch.inputs.shape == (streams, steps) for batch in batches[:-1])
    assert 1 <= batches[-1].inputs.shape[1] <= steps


@settings(deadline=None, derandomize=True, database=None, max_examples=100)
@given(sizes())
def test_a_stream_goes_on_from_chunk_to_chunk(size: tuple[int, int, int]) -> None:
    tokens, streams, steps = size
    batches = chunks(tokens, streams, steps)
    lengths = set()
    for row in range(streams):
        read = [i - 1 for batch in batches for i in batch.targets[row].tolist() if i != IGNORE]
        assert read == list(range(read[0], read[0] + len(read)))
        lengths.add(len(read))
    assert max(lengths) - min(lengths) <= 1


@pytest.mark.parametrize(("tokens", "streams", "steps"), [(20, 3, 2), (20, 3, 100), (5, 4, 1)])
def test_only_the_first_chunk_is_a_new_beginning(tokens: int, streams: int, steps: int) -> None:
    resets = [batch.reset for batch in chunks(tokens, streams, steps)]
    found = [reset.tolist() for reset in resets if reset is not None]
    assert found == [[i == 0] * streams for i in range(len(resets))]


def test_the_picture_of_the_docstring() -> None:
    text = np.array(["abcdefghi".index(letter) for letter in "abcdefghi"])
    data = Streams(text, streams=2, steps=3)
    first, second = data[0], data[1]
    assert (data.chunks, len(data)) == (2, 8)

    def letters(rows: list[list[int]]) -> list[str]:
        return ["".join("abcdefghi"[i] for i in row) for row in rows]

    assert letters(first.inputs.tolist()) == ["abc", "efg"]
    assert letters(first.targets.tolist()) == ["bcd", "fgh"]
    assert letters(second.inputs.tolist()) == ["d", "h"]
    assert letters(second.targets.tolist()) == ["e", "i"]


def test_the_last_chunk_is_as_short_as_it_comes() -> None:
    batches = chunks(12, 1, 4)
    assert [batch.lengths.tolist() for batch in batches] == [[4], [4], [3]]
    assert batches[-1].inputs.tolist() == [[108, 109, 110]]


def test_a_row_with_nothing_left_is_ignored() -> None:
    batches = chunks(6, 2, 2)  # five targets: three and two
    assert batches[-1].targets.tolist() == [[103], [IGNORE]]
    assert batches[-1].lengths.tolist() == [1, 1]
    assert int(batches[-1].inputs.min()) >= 100


@pytest.mark.parametrize("mapped", [True, False])
def test_a_worker_maps_the_file_itself(tmp_path: Path, mapped: bool) -> None:
    tokens = np.arange(100_000, dtype=np.uint16)
    np.save(tmp_path / "a.npy", tokens)
    if mapped:
        tokens = np.load(tmp_path / "a.npy", mmap_mode="r")
    data = Streams(tokens, streams=3, steps=5)
    sent = pickle.dumps(data)
    assert (len(sent) < 2_000) == mapped
    received = pickle.loads(sent)
    assert len(received) == len(data)
    assert isinstance(received.tokens, np.memmap) == mapped
    assert torch.equal(received[7].inputs, data[7].inputs)


@pytest.mark.parametrize(("tokens", "streams"), [(0, 1), (1, 1), (3, 3), (5, 100), (2, 10**30)])
def test_a_text_too_short_is_refused(tokens: int, streams: int) -> None:
    with pytest.raises(UserError, match=f"{tokens} tokens are too few for {streams} streams"):
        chunks(tokens, streams, 4)


def test_the_shortest_text_has_one_target() -> None:
    (batch,) = chunks(2, 1, 35)
    assert (batch.inputs.tolist(), batch.targets.tolist()) == ([[100]], [[101]])


@settings(deadline=None, derandomize=True, database=None, max_examples=60)
@given(sizes(), st.integers(2, 4))
def test_processes_share_the_streams(size: tuple[int, int, int], world: int) -> None:
    tokens, streams, steps = size
    text = np.arange(100, 100 + tokens, dtype=np.uint16)
    hidden = Hidden(0.5, 100, 1, seed=3)
    one = Streams(text, streams=streams, steps=steps, hidden=hidden)
    parts = [
        Streams(text, streams=streams, steps=steps, hidden=hidden, rank=rank, world_size=world)
        for rank in range(world)
    ]
    assert {part.chunks for part in parts} == {one.chunks}
    for i in range(one.chunks):
        whole, shares = one[i], [part[i] for part in parts]
        for rank, share in enumerate(shares):
            if rank >= streams:
                assert share.stand_in is not None
                assert share.inputs.shape == (1, 1)
                continue
            assert share.stand_in is None
            for name in ("inputs", "lengths", "targets", "reset"):
                assert torch.equal(getattr(share, name), getattr(whole, name)[rank::world]), name
