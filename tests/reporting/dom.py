"""HTML as a tree."""

from html.parser import HTMLParser
from xml.etree.ElementTree import Element, SubElement

VOID = ("meta", "link", "br", "img", "input", "hr")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("document")
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len({*names}) == len(names), f"{tag} has an attribute twice: {names}"
        made = SubElement(self.open[-1], tag, {name: value or "" for name, value in attrs})
        if tag not in VOID:
            self.open.append(made)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"</{tag}> ends <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        last = self.open[-1]
        if len(last):
            last[-1].tail = (last[-1].tail or "") + data
        else:
            last.text = (last.text or "") + data


def tree(html: str) -> Element:
    """AssertionError where an element is not ended in its place."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == [reader.root], f"<{reader.open[-1].tag}> is not ended"
    return reader.root


def text(element: Element | None) -> str:
    """All that is read in an element, on one line."""
    assert element is not None
    return " ".join("".join(element.itertext()).split())


def having(root: Element, name: str) -> list[Element]:
    """Elements of a class."""
    return [element for element in root.iter() if name in element.get("class", "").split()]
