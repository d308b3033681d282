"""What a report shows besides its numbers."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Picture:
    """A drawing. name: a file's stem, as ``pets-curves``. caption: what is seen, a sentence.
    svg: text and axes in ``currentColor`` on a transparent ground."""

    name: str
    title: str
    caption: str
    svg: str
