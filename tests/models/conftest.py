from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread_one_seed() -> Iterator[None]:
    """Tiny tensors: threads would only wait for each other. Each test draws the same numbers."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)
