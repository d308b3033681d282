"""What a report's picture is to those who show it. Needs neither torch nor matplotlib."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Picture:
    """One picture of one leaderboard.

    name: a file's stem, as ``pets-curves``; no other picture of a report has it. caption: a
    sentence or more that say what is seen and how it was made. svg: one ``<svg>`` element to be
    put into HTML: its text and axes have the colour of the text around it, its ground is clear.
    """

    name: str
    title: str
    caption: str
    svg: str
