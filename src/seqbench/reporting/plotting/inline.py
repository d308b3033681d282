"""A figure as an SVG element that can stand in HTML beside others."""

import io
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from seqbench.reporting.plotting.looks import INK
from seqbench.reporting.plotting.paper import WIDTH

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FONT = re.compile(r"([\d.]+)px")
LINK = "{http://www.w3.org/1999/xlink}href"


def inline(figure: "Figure", name: str, title: str) -> str:
    """One ``<svg>`` element as text; the same figure gives the same text.

    What is drawn in ``INK`` has the colour of the text around it. Styles are attributes and ids
    begin with ``name``, so that nothing leaks into the page or meets another picture's.
    """
    import matplotlib as mpl

    drawn = io.BytesIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None})
    root = ElementTree.fromstring(drawn.getvalue())
    for element in root.iter():
        element.tag = _bare(element.tag)
        for key in [*element.attrib]:
            _attribute(element, key, name)
    for parent in [*root.iter()]:
        for child in [*parent]:
            if child.tag in ("metadata", "style"):
                parent.remove(child)
        parent.text, parent.tail = _tight(parent.text), _tight(parent.tail)
    height = root.attrib["viewBox"].split()[3]
    root.attrib = {
        "xmlns": "http://www.w3.org/2000/svg",
        "viewBox": root.attrib["viewBox"],
        "width": f"{WIDTH * 72:g}pt",
        "height": f"{float(height):g}pt",
        "role": "img",
        "aria-label": title,
        "font-family": "sans-serif",
        "font-weight": "normal",
        "font-style": "normal",
        # Text may come out wider than it was planned.
        "overflow": "visible",
        "stroke-linejoin": "round",
    }
    return ElementTree.tostring(root, encoding="unicode")


def _bare(tag: str) -> str:
    return tag.rpartition("}")[2]


def _attribute(element: ElementTree.Element, key: str, name: str) -> None:
    """One attribute as it may stand in a page."""
    value = element.attrib.pop(key)
    if key == "style":
        for part in value.split(";"):
            own, _, what = part.partition(":")
            if own.strip() in ("font", "font-size"):
                element.set("font-size", FONT.findall(what)[0])
            elif own.strip() not in ("", "font-family"):
                element.set(own.strip(), _colour(_named(what.strip(), name)))
    elif key == "id":
        element.set("id", f"{name}-{value}")
    elif key == LINK:
        element.set("href", f"#{name}-{value.removeprefix('#')}")
    else:
        element.set(_bare(key), _colour(_named(value, name)))


def _named(value: str, name: str) -> str:
    return value.replace("url(#", f"url(#{name}-")


def _colour(value: str) -> str:
    return "currentColor" if value == INK else value


def _tight(text: str | None) -> str | None:
    """Line ends between elements alone are dropped."""
    return None if text is not None and not text.strip() else text
