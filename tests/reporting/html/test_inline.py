"""Drawings in a page."""

import re
from xml.etree import ElementTree

import pytest

from seqbench.reporting.html.inline import inline

DRAWN = """<?xml version="1.0" encoding="utf-8" standalone="no"?>
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">
<svg xmlns:xlink="http://www.w3.org/1999/xlink" width="468pt" height="252pt"
 viewBox="0 0 468 252" xmlns="http://www.w3.org/2000/svg" version="1.1">
 <metadata><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></metadata>
 <defs><style type="text/css">*{stroke-linejoin: round; stroke-linecap: butt}</style></defs>
 <g id="line" clip-path="url(#p1)" style="fill: url( '#p1' )"><use xlink:href="#m1"/></g>
 <g><text style="font: 10px sans-serif" xml:space="preserve">a &lt; b \u202e</text>after</g>
 <defs><clipPath id="p1"><rect/></clipPath><path id="m1" d="M0 0"/></defs>
</svg>"""


def test_ids_are_its_own_and_what_refers_to_them_follows() -> None:
    made = inline(DRAWN, "x-", "A title")
    root = ElementTree.fromstring(made)
    assert [e.get("id") for e in root.iter() if e.get("id")] == ["x-line", "x-p1", "x-m1"]
    group = root.find("g")
    assert group is not None
    assert group.get("clip-path") == "url(#x-p1)"
    assert group.get("style") == "fill: url(#x-p1)"
    assert [e.get("href") for e in root.iter("use")] == ["#x-m1"]


def test_it_is_an_element_without_prolog_that_a_page_gives_its_size() -> None:
    made = inline(DRAWN, "x-", "A 'title' \x1b")
    assert made.startswith("<svg ")
    assert made.endswith("</svg>")
    assert not re.search("http|xlink|DOCTYPE|metadata|style type", made)
    root = ElementTree.fromstring(made)
    assert root.get("viewBox") == "0 0 468 252"
    assert (root.get("width"), root.get("height")) == (None, None)
    assert root.get("style") == "stroke-linejoin: round; stroke-linecap: butt; --width: 624px"
    assert (root.get("role"), root.get("aria-label")) == ("img", "A 'title' \\u001b")


def test_text_stays_text() -> None:
    root = ElementTree.fromstring(inline(DRAWN, "x-", ""))
    found = root.find(".//text")
    assert found is not None
    assert (found.text, found.tail) == ("a < b \\u202e", "after")
    assert "xml:space" in inline(DRAWN, "x-", "")


def test_what_would_run_or_be_fetched_is_left_out() -> None:
    made = inline(
        '<svg xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 1 1" onload="a()">'
        "<script>b()</script><foreignObject><body/></foreignObject><g onclick='c()'>"
        "<image xlink:href='https://x.y/z.png'/><image href='data:image/png;base64,AAAA'/>"
        "<a href='javascript:d()'/><style>@import 'e';</style></g></svg>",
        "",
        "",
    )
    assert not re.search(r"[abcd]\(\)|script|foreign|x\.y|import", made)
    assert made.count("data:image/png;base64,AAAA") == 1


def test_what_has_no_size_gets_one_and_what_is_no_drawing_is_refused() -> None:
    assert "--width: 600px" in inline("<svg viewBox='0 0 1 1' width='100%'/>", "", "")
    assert "--width: 90px" in inline("<svg viewBox='0 0 1 1' width='90'/>", "", "")
    kept = inline("<svg width='90' height='20'/>", "", "")
    assert 'width="90"' in kept
    assert 'height="20"' in kept
    with pytest.raises(ElementTree.ParseError):
        inline("<svg>", "", "")
