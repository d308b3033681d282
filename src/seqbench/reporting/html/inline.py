"""A drawing made fit to stand in an HTML page beside others."""

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from seqbench.terminal import visible

LEFT_OUT = ("metadata", "script", "foreignObject")
"""What a drawing needs not, or what a page runs."""

LINK = re.compile(r"url\(\s*['\"]?#([^)'\"]+)['\"]?\s*\)")
SIZE = re.compile(r"([0-9.]+)(px|pt|)")
UNIVERSAL = re.compile(r"\s*\*\s*\{([^{}]*)\}\s*")


def inline(svg: str, prefix: str, title: str) -> str:
    """An ``<svg>`` element without prolog and namespaces, whose ids all begin with ``prefix``.

    title: what it is called by those who cannot see it. Scripts and links out are left out.
    xml.etree.ElementTree.ParseError where the text is no XML.
    """
    root = ElementTree.fromstring(svg)
    rules = [rule for element in [*root.iter()] for rule in _cleaned(element)]
    for element in root.iter():
        _own(element, prefix)
    style = [root.get("style", ""), *rules, f"--width: {_width(root):.0f}px"]
    root.set("style", "; ".join(filter(None, style)))
    root.set("role", "img")
    root.set("aria-label", visible(title))
    return ElementTree.tostring(root, encoding="unicode")


def _width(root: ElementTree.Element) -> float:
    """In pixels; the page decides how much of it there is room for, and so the height."""
    if "viewBox" in root.attrib:
        root.attrib.pop("height", None)
    found = SIZE.fullmatch(root.attrib.pop("width", "") if "viewBox" in root.attrib else "")
    return float(found[1]) * (4 / 3 if found[2] == "pt" else 1) if found else 600


def _cleaned(element: ElementTree.Element) -> Iterator[str]:
    """Take out what does not belong into a page; what a style said of all elements."""
    for child in [*element]:
        name = _name(child.tag)
        if name == "style":
            # In a page it would be said of the page. What is said of all is inherited from the top.
            for found in UNIVERSAL.finditer(child.text or ""):
                yield found[1].strip().rstrip(";")
        if name in ("style", *LEFT_OUT):
            element.remove(child)


def _own(element: ElementTree.Element, prefix: str) -> None:
    """Names without namespaces, ids of its own, and text that steers nothing."""
    element.tag = _name(element.tag)
    attributes = {_name(name): value for name, value in element.attrib.items()}
    element.attrib.clear()
    for name, value in attributes.items():
        if name == "id":
            value = prefix + value
        elif name == "href":
            if value.startswith("#"):
                value = f"#{prefix}{value[1:]}"
            elif not value.startswith("data:image/"):
                continue
        elif name.lower().startswith("on"):
            continue
        else:
            value = LINK.sub(rf"url(#{prefix}\1)", value)
        element.set(name, value)
    if element.text:
        element.text = visible(element.text, "\n\t")
    if element.tail:
        element.tail = visible(element.tail, "\n\t")


def _name(name: str) -> str:
    """Without its namespace; of what is kept apart by one alone, ``xml:space``."""
    space, _, local = name.rpartition("}")
    return f"xml:{local}" if space.endswith("XML/1998/namespace") else local
