"""What a sentence about a change says, as facts: enough to ask for the sentence again.

Rules for the English of LEVIR-CC and Spot-the-Diff and of our own captions, not for English. What they do not
understand they leave out: a sentence without a fact is not learned from.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, kw_only=True)
class Fact:
    """Things of one kind that changed alike.

    Attributes:
        label: what they are, in the words that heads and scenes use; "area" where the sentence names no thing.
        kind: added, removed, changed or moved; empty where the sentence does not say.
        count: how many, or 0 for some.
        size: small, large, or empty.
        row: top, bottom, or empty.
        column: left, right, or empty.
        middle: whether they are said to be in the middle.
    """

    label: str
    kind: str = ""
    count: int = 1
    size: str = ""
    row: str = ""
    column: str = ""
    middle: bool = False

    @property
    def side(self) -> str:
        """Such as "top left"; empty where none is said."""
        return f"{self.row} {self.column}".strip() or ("centre" if self.middle else "")


def _table(**rows: str) -> dict[str, str]:
    return {word: name.replace("_", " ") for name, words in rows.items() for word in words.split()}


_SINGULAR: Final = _table(
    building="building house villa residence room warehouse cottage construction roof",
    road="road lane path street crossroad roadway track bypass highway roundabout",
    tree="tree wood plant bush forest woodland",
    vegetation="vegetation grass meadow grassland lawn",
    parking_lot="lot carpark",
    water="water lake pool pond river",
    bare_soil="bareland wasteland clearing desert soil",
    car="car suv van truck vehicle bus pickup sedan minivan",
    person="person man woman someone pedestrian boy girl individual guy",
    bicycle="bicycle bike motorcycle",
    bag="bag backpack suitcase",
    box="box package",
    field="field farmland",
)
_PLURAL: Final = {f"{word}s": name for word, name in _SINGULAR.items()} | _table(
    person="people men women individuals", tree="bushes", bicycle="motorcycles", car="buses"
)
_KINDS: Final = _table(
    added="appear appears appeared built constructed added erected new newly developed arrived rebuilt completed "
    "planted came emerged located placed entered extra additional another build",
    removed="removed disappear disappears disappeared gone missing vanished vanish demolished cleared replaced left "
    "replace replaces replacing absent destroyed",
    changed="changed changes changing becomes become became turned widened expanded different transformed "
    "reconstructed",
    moved="moved moves moving shifted walked",
)
_NUMBERS: Final = {
    word: number
    for number, words in enumerate(["one", "two", "three", "four", "five", "six", "seven", "eight"], start=1)
    for word in (words, str(number))
} | {"single": 1, "several": 0, "some": 0, "many": 7, "massive": 8, "few": 3, "couple": 2, "rows": 8, "row": 4}
_SIZES: Final = _table(small="small tiny little", large="large big huge giant")
_ROWS: Final = _table(top="top upper above", bottom="bottom lower below")
_COLUMNS: Final = _table(left="left", right="right")
_MIDDLE: Final = frozenset({"middle", "center", "centre"})
# A noun after one of these says where, and is not what changed.
_WHERE: Final = frozenset(
    """on along beside near by in around to next between among with into from across through behind under over at inside
    outside towards toward for""".split()  # noqa: SIM905 - a list of them would be a column
)
_IMAGES: Final = frozenset(["image", "picture", "photo", "pic", "frame", "images", "pictures"])
# Of which things of the next noun there are.
_OF: Final = frozenset(["row", "rows", "number", "group", "lines", "line", "blocks", "part", "kind"])
_WORD: Final = re.compile(r"[a-z0-9]+(?:'[a-z]+)?|[,;.]")


def parse(sentence: str) -> tuple[Fact, ...]:
    """The facts of a sentence, in its order.

    Args:
        sentence: any; case does not matter.
    """
    return tuple(fact for clause in _clauses(_words(sentence)) for fact in _facts(clause))


def kinds_said(sentence: str) -> frozenset[str]:
    """Kinds of change that a sentence speaks of."""
    words = _words(sentence)
    return frozenset(_kind_at(words, at) for at in range(len(words))) - {""}


def sides_said(sentence: str) -> frozenset[str]:
    """The words for sides in a sentence: top, bottom, left, right, centre."""
    words = _words(sentence)
    found = {_ROWS.get(word, "") for word in words}
    found |= {_COLUMNS[word] for at, word in enumerate(words) if _is_side(words, at)}
    found |= {"centre" for word in words if word in _MIDDLE}
    return frozenset(found - {""})


def _words(sentence: str) -> list[str]:
    return _WORD.findall(sentence.lower().replace("-", " "))


def _clauses(words: list[str]) -> list[list[str]]:
    """Cut where one change ends and the next begins: at commas, and at "and" or "while" after a verb."""
    clauses: list[list[str]] = [[]]
    told = False
    for at, word in enumerate(words):
        ends = word in ",;." or (word in ("and", "while", "but") and told)
        if ends and clauses[-1]:
            clauses.append([])
            told = False
        if not ends:
            told = told or bool(_kind_at(words, at))
            clauses[-1].append(word)
    return [clause for clause in clauses if clause]


def _kind_at(words: list[str], at: int) -> str:
    """The kind that a word stands for where it stands."""
    word, before = words[at], words[max(at - 3, 0) : at]
    if word == "left" and not {"has", "have"} & set(before):
        return ""
    if word in ("longer", "anymore") or (word == "not" and words[at + 1 : at + 2] in (["in"], ["there"], ["visible"])):
        return "removed"
    return _KINDS.get(word, "")


def _is_side(words: list[str], at: int) -> bool:
    """Whether left or right is a place, and neither an image nor going away."""
    if words[at] not in _COLUMNS or words[at + 1 : at + 2] in ([word] for word in _IMAGES):
        return False
    return not _kind_at(words, at)


def _facts(clause: list[str]) -> list[Fact]:
    """The things of a clause, all with its kind and side; none where it tells no change."""
    kind = next((told for at in range(len(clause)) if (told := _kind_at(clause, at))), "")
    if not kind:
        return []
    column = next((clause[at] for at in range(len(clause)) if _is_side(clause, at)), "")
    row = next((_ROWS[word] for word in clause if word in _ROWS), "")
    middle = bool(_MIDDLE & set(clause))
    return [
        replace(thing, kind=kind, row=row, column=column, middle=middle) for thing in dict.fromkeys(_things(clause))
    ]


def _things(clause: list[str]) -> Iterator[Fact]:
    """What the clause is about, with number and size, but not what that stands beside."""
    count, size, where = -1, "", False
    for at, word in enumerate(clause):
        count, size = _NUMBERS.get(word, count), _SIZES.get(word, size)
        if word in _WHERE:
            where = True
        elif word == "of":
            where = clause[at - 1] not in _OF
        elif word == "and" or _kind_at(clause, at):
            where = False
        label = _SINGULAR.get(word) or _PLURAL.get(word)
        if label is None or where:
            continue
        some = 0 if word in _PLURAL else 1
        yield Fact(label=label, count=some if count < 0 else count, size=size)
        count, size = -1, ""
