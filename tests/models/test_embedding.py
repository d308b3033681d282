from pathlib import Path

import pytest
import torch

from seqbench.errors import UserError
from seqbench.models.embedding import Number, OneHot, Table

IDS = torch.tensor([[1, 4, 2], [3, 0, 0]])


def test_table() -> None:
    table = Table(5, 0, size=7)
    vectors = table(IDS)
    assert table.output_size == 7
    assert vectors.shape == (2, 3, 7)
    assert torch.equal(vectors[0, 1], table.table.weight[4])
    assert vectors[1, 1:].abs().max() == 0
    (gradient,) = torch.autograd.grad(vectors.sum(), table.table.weight)
    assert gradient.sum(1).tolist() == [0, 7, 7, 7, 7]


def test_padding_may_stand_at_any_id() -> None:
    assert Table(5, 4, size=7)(IDS)[0, 1].abs().max() == 0


def test_std_scales_what_is_drawn() -> None:
    torch.manual_seed(0)
    plain = torch.nn.Embedding(50, 7, padding_idx=0).weight
    for std in (1.0, 0.1):
        torch.manual_seed(0)
        assert torch.equal(Table(50, 0, size=7, std=std).table.weight, plain * std)


def test_word_dropout_zeroes_whole_tokens() -> None:
    table = Table(50, 0, size=8, word_dropout=0.3)
    ids = torch.randint(1, 50, (40, 50))
    plain, vectors = table.table(ids), table(ids)
    gone = (vectors == 0).all(-1)
    assert 0.25 < gone.float().mean().item() < 0.35
    assert torch.equal(vectors[~gone], plain[~gone])
    assert not torch.equal(table(ids), vectors)
    assert torch.equal(table.eval()(ids), plain)


def test_dropout_drops_values_and_scales_the_rest() -> None:
    table = Table(50, 0, size=8, dropout=0.5)
    ids = torch.randint(1, 50, (40, 50))
    plain, vectors = table.table(ids), table(ids)
    gone = vectors == 0
    assert 0.45 < gone.float().mean().item() < 0.55
    assert torch.equal(vectors[~gone], 2 * plain[~gone])
    assert torch.equal(table.eval()(ids), plain)


def test_one_hot() -> None:
    one_hot = OneHot(5, 0)
    vectors = one_hot(IDS)
    assert one_hot.output_size == 5
    assert vectors.dtype == torch.float32
    assert torch.equal(vectors, torch.eye(5)[IDS])


def test_number() -> None:
    number = Number(5, 0)
    assert number.output_size == 1
    assert torch.equal(number(IDS), torch.tensor([[[1.0], [4], [2]], [[3], [0], [0]]]))


@pytest.mark.parametrize("cls", [OneHot, Number])
def test_nothing_to_learn(cls: type[OneHot | Number]) -> None:
    assert list(cls(5, 0).parameters()) == []


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "v").write_text("<pad> 9 9\ncat 3 -4\ndog 0 5\n")
    return str(tmp_path / "v")


VOCABULARY = ["<pad>", "<unk>", "cat", "cow", "dog"]


@pytest.mark.parametrize("std", [1.0, 0.1])
def test_a_file_s_vectors_and_others_of_their_scale(file: str, std: float) -> None:
    table = Table(5, 0, size=2, path=file, std=std)
    drawn = table.table.weight.detach().clone()
    assert table.start(VOCABULARY) is not None
    weight = table.table.weight
    assert weight[[0, 2, 4]].tolist() == [[0, 0], [3, -4], [0, 5]]
    assert torch.allclose(weight[[1, 3]], drawn[[1, 3]] * (50 / 4) ** 0.5)
    assert weight.requires_grad
    assert weight.grad_fn is None  # still a leaf that an optimiser takes


def test_padding_at_another_id_stays_0(file: str) -> None:
    table = Table(5, 4, size=2, path=file)
    table.start(["a", "b", "cat", "c", "dog"])
    assert table.table.weight[[2, 4]].tolist() == [[3, -4], [0, 0]]


def test_only_start_reads_the_file(file: str) -> None:
    started = Table(5, 0, size=2, path=file, freeze=True)
    started.start(VOCABULARY)
    Path(file).unlink()
    rebuilt = Table(5, 0, size=2, path=file, freeze=True)
    rebuilt.load_state_dict(started.state_dict())
    assert torch.equal(rebuilt.table.weight, started.table.weight)
    assert not rebuilt.table.weight.requires_grad
    with pytest.raises(UserError, match="no such file"):
        rebuilt.start(VOCABULARY)


def test_without_a_file_nothing_is_started() -> None:
    table, one_hot = Table(5, 0, size=2), OneHot(5, 0)
    before = table.table.weight.detach().clone()
    assert table.start(VOCABULARY) is None
    assert one_hot.start(VOCABULARY) is None
    assert torch.equal(table.table.weight, before)
    with pytest.raises(UserError, match=r"model\.embedding\.path"):
        Table(5, 0, size=2, freeze=True)
