"""Texts of the kinds that interfaces are full of, from a small vocabulary (`words.toml`)."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from onediff_plugins import english

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np

    Writer = Callable[[np.random.Generator], str]


def write(kind: str, rng: np.random.Generator) -> str:
    """A text such as interfaces show.

    Args:
        kind: what it says, such as "person", "money" or "sentence".
        rng: decides the words.

    Raises:
        KeyError: there is no such kind.
    """
    how = _KINDS[kind]
    return how(rng) if callable(how) else _filled(how[int(rng.integers(len(how)))], rng)


def rewrite(kind: str, text: str, rng: np.random.Generator) -> str:
    """Another text of this kind: a new one, or, of a long one, with a few other words.

    Args:
        kind: what the text says, as for `write`.
        text: how it reads now.
        rng: decides the words.
    """
    if kind not in _LONG:
        return _other(lambda: write(kind, rng), text)
    words = text.split(" ")
    places = [place for place, word in enumerate(words) if word.isalpha() and len(word) > 3]
    if not places:
        return _filled(f"{text} {{nouns}}", rng)
    for place in rng.choice(places, min(len(places), int(rng.integers(1, 4))), replace=False):
        words[place] = _other(lambda: _filled("{nouns}", rng), words[place].lower())
    return " ".join(words)


def _other(draw: Callable[[], str], now: str) -> str:
    """Drawn until it is another one."""
    while (new := draw()) == now:
        pass
    return new


@cache
def _vocabulary() -> dict[str, list[str]]:
    lists = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    return {name: words.split() for name, words in lists.items()}


def _filled(pattern: str, rng: np.random.Generator) -> str:
    """The pattern with a word for each "{list}", and several of it for "{list+}"."""

    def word(match: re.Match[str]) -> str:
        words = _vocabulary()[match[1]]
        chosen = words[int(rng.integers(len(words)))]
        return english.plural(chosen) if match[2] else chosen

    return re.sub(r"\{(\w+)(\+?)\}", word, pattern)


def _sentence(rng: np.random.Generator) -> str:
    said = "{determiners} {adjectives} {nouns} {doing} its {nouns} {linking} {adjectives} {nouns+}."
    return _filled(said, rng).capitalize()


def _money(rng: np.random.Generator) -> str:
    sign = "$$€£"[int(rng.integers(4))]
    if rng.random() < 0.5:
        return f"{sign}{rng.integers(1, 9999):,}"
    return f"{sign}{rng.integers(1, 400)}.{rng.integers(100):02d}"


_CODE: Final = (
    "{nouns}_{nouns} = load('{nouns}', limit={numbers})",
    "for {nouns} in {nouns}_{nouns+}:",
    "    {nouns+}.append({nouns})",
    "def {doing}_{nouns}({nouns}, {adjectives}=None):",
    "    return {nouns}_{nouns+}[{numbers}]",
    "if {nouns} is not None:",
    "    {doing}_{nouns}({numbers}, {nouns})",
    "# {determiners} {adjectives} {nouns} {doing} its {nouns}",
    "import {nouns}_{nouns+}",
)
# Patterns of which one is drawn, or a function.
_KINDS: Final[Mapping[str, Sequence[str] | Writer]] = {
    "action": ("{verbs}", "{verbs}", "{verbs} {nouns}"),
    "brand": lambda rng: _filled("{nouns}{handles}", rng).capitalize(),
    "clock": lambda rng: f"{rng.integers(24):02d}:{rng.integers(60):02d}",
    "code": _CODE,
    "count": lambda rng: str(rng.integers(1, 100)),
    "date": lambda rng: _filled(f"{{months}} {rng.integers(1, 29)}, 20{rng.integers(18, 30)}", rng),
    "email": lambda rng: _filled("{first}@{nouns}.example", rng).lower(),
    "field": lambda rng: _filled("{adjectives} {nouns}", rng).capitalize(),
    "identifier": ("{nouns}_{nouns}",),
    "money": _money,
    "month": lambda rng: _filled(f"{{months}} 20{rng.integers(18, 30)}", rng),
    "number": lambda rng: f"{int(10 ** rng.uniform(0.5, 4.6)):,}",
    "paragraph": lambda rng: " ".join(_sentence(rng) for _ in range(int(rng.integers(2, 5)))),
    "percent": lambda rng: f"{'+-'[int(rng.integers(2))]}{rng.integers(100)}.{rng.integers(10)}%",
    "person": ("{first} {last}",),
    "product": lambda rng: _filled("{materials} {goods}", rng).capitalize(),
    "section": ("{sections}",),
    "sentence": _sentence,
    "status": ("{status}",),
    "task": ("{verbs} the {adjectives} {nouns}",),
    "title": lambda rng: _filled("{adjectives} {nouns+}", rng).capitalize(),
    "word": lambda rng: _filled("{nouns}", rng).capitalize(),
}
_LONG: Final = frozenset({"paragraph", "sentence", "code"})
