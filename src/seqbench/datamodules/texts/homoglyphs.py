"""Words that mix Latin and Cyrillic letters which look alike, mended to one script."""

import re

LATIN = "ABCEHIJKMOPSTXYËÏaceijkopsxyëï"
CYRILLIC = "АВСЕНІЈКМОРЅТХУЁЇасеіјкорѕхуёї"
"""Letters that look alike, one above the other; upper and lower case are told apart."""

TO_CYRILLIC, TO_LATIN = str.maketrans(LATIN, CYRILLIC), str.maketrans(CYRILLIC, LATIN)

WORD = re.compile(r"(?:[^\W\d_][\u0300-\u036f]*)+")
ANY_LATIN = re.compile(r"[A-Za-zÀ-\u024f\u1e00-\u1eff]")
ANY_CYRILLIC = re.compile(r"[\u0400-\u052f]")


def mend(text: str) -> tuple[str, int]:
    """The text with its mixed words mended, and how many words that changed.

    In a word, a run of letters, the letters of one script are replaced by those of the other that
    look like them; letters that look like none stay. The script kept is the one with more letters
    of its own look, else the one with more letters, else that of the first letter:
    ``Бapcик -> Барсик``, ``Toм -> Том``.
    """
    if not (ANY_CYRILLIC.search(text) and ANY_LATIN.search(text)):
        return text, 0
    changed = 0

    def one(match: re.Match[str]) -> str:
        nonlocal changed
        word = match[0]
        mended = _mended(word)
        changed += mended != word
        return mended

    return WORD.sub(one, text), changed


def _mended(word: str) -> str:
    latin, cyrillic = ANY_LATIN.findall(word), ANY_CYRILLIC.findall(word)
    if not (latin and cyrillic):
        return word
    own_latin = sum(letter not in LATIN for letter in latin)
    own_cyrillic = sum(letter not in CYRILLIC for letter in cyrillic)
    first_is_cyrillic = bool(ANY_CYRILLIC.match(word))
    to_cyrillic = (own_cyrillic, len(cyrillic), first_is_cyrillic) > (
        own_latin,
        len(latin),
        not first_is_cyrillic,
    )
    return word.translate(TO_CYRILLIC if to_cyrillic else TO_LATIN)
