"""Which points of a long training TensorBoard gets, so that its file stays small."""

from collections.abc import Iterable
from pathlib import Path


class Thinning:
    """Keeps a point if it is ``share`` of its step, or more, behind the last one kept of its tag.

    So the first ``1 / share`` points of a curve are kept whatever they stand at, if they come at
    even steps, and behind these about ``2.3 / share`` for each time that the steps are ten times
    as many. What is kept depends on nothing but the steps: a training that goes on keeps what one
    that was never ended does.

    last: the step of the last point kept, by tag.
    """

    def __init__(self, share: float, last: dict[str, int]) -> None:
        self.share, self.last = share, last

    def keeps(self, tag: str, step: int, always: bool = False) -> bool:
        """Whether to keep the point at ``step`` of ``tag``, which then is its last.

        always: keep it, unless it is there already.
        """
        gap = step - self.last[tag] if tag in self.last else None
        if gap is not None and (gap == 0 < step or (gap < self.share * step and not always)):
            return False
        self.last[tag] = step
        return True


def last_steps(files: Iterable[Path]) -> dict[str, int]:
    """The last step of each tag in TensorBoard's files of events."""
    last: dict[str, int] = {}
    for file in sorted(files):
        from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
        from tensorboard.compat.proto.event_pb2 import Event

        for raw in RawEventFileLoader(str(file)).Load():
            event = Event.FromString(raw)
            for value in event.summary.value:
                last[value.tag] = max(event.step, last.get(value.tag, 0))
    return last
