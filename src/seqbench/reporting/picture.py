"""What a report shows besides its numbers."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Picture:
    """A drawing. name: a file's stem, as ``pets-curves``. caption: what is seen, a sentence.
    svg: an ``<svg>`` element, its text and axes in ``currentColor`` on a transparent ground, its
    ids no other picture's."""

    name: str
    title: str
    caption: str
    svg: str
