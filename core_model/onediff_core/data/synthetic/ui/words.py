"""Words for made-up software: a small vocabulary, and texts of the kinds that interfaces are full of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np

_FIRST: Final = (
    "Ada Amir Anna Bela Carla Chen Dana Diego Elif Emma Farid Greta Hugo Ines Ivan Jonas Kofi Lena Liam Maya Mika Nora "
    "Omar Petra Priya Rosa Samir Sofia Tariq Uma Vera Wei Yuki Zoe"
).split()
_LAST: Final = (
    "Adeyemi Bauer Costa Dubois Eriksen Fischer Garcia Haddad Ito Jansen Kaya Larsen Moreau Novak Okafor Patel Quinn "
    "Rossi Silva Tanaka Urban Vogel Weber Yilmaz Zhang"
).split()
_NOUNS: Final = (
    "account alert archive asset audit backup batch billing budget build calendar campaign cart channel client cluster "
    "comment contact contract customer dashboard delivery deploy device discount document draft export feedback filter "
    "folder forecast invoice issue label ledger license location log market member message metric milestone module "
    "network notice order owner package partner payment pipeline plan policy product profile project quota record "
    "refund region release report request resource review role route sample schedule sensor server service session "
    "shipment source stage storage survey task team template ticket token traffic transfer user vendor visit volume "
    "warehouse workspace"
).split()
_ADJECTIVES: Final = (
    "active annual average basic blocked central closed common current daily delayed direct draft early empty external "
    "failed final fixed global hidden inactive internal late local main manual missing monthly new open overdue paid "
    "pending planned primary private public quarterly recent regional remote secure shared small spare stable total "
    "unread urgent weekly"
).split()
_VERBS: Final = (
    "Add Apply Archive Assign Back Cancel Check Clear Close Compare Confirm Connect Copy Create Delete Deploy Discard "
    "Download Edit Export Filter Follow Import Invite Merge Next Open Pause Preview Print Publish Refresh Remove Rename "
    "Reply Reset Restore Retry Run Save Search Send Share Start Stop Submit Sync Undo Update Upload View"
).split()
_STATUS: Final = (
    "Active Approved Archived Blocked Closed Done Draft Failed Healthy Late New Offline Online Open Overdue Paid Paused "
    "Pending Ready Rejected Running Shipped Stable Stopped Trial Unpaid"
).split()
_SECTIONS: Final = (
    "Overview Analytics Reports Orders Customers Products Inventory Billing Invoices Team Members Settings Security "
    "Integrations Messages Inbox Calendar Tasks Projects Files Photos Help Support Activity Alerts Home Explore Library "
    "Usage Plans Logs Builds Releases Issues Wiki"
).split()
_GOODS: Final = (
    "Backpack Basket Blanket Bottle Bowl Candle Chair Clock Coat Cup Cushion Desk Drawer Fan Frame Glove Hat Jacket Jar "
    "Kettle Knife Lamp Mirror Mug Notebook Pan Pen Plant Plate Radio Rug Scarf Shelf Shirt Shoe Sofa Speaker Stool Table "
    "Teapot Towel Tray Umbrella Vase Wallet Watch"
).split()
_MATERIALS: Final = (
    "Bamboo Blue Brass Ceramic Clay Classic Copper Cotton Felt Folding Garden Glass Green Grey Leather Linen Marble Mini "
    "Oak Paper Pine Red Round Silk Slim Steel Stone Tall Velvet Walnut White Wool"
).split()
_MONTHS: Final = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_LINKING: Final = "after before for from in near of on over per under with without".split()
_DOING: Final = "adds blocks changes checks contains covers follows groups keeps limits moves needs shows starts stops uses".split()
_HANDLES: Final = "cloud data flow grid hub lab link mail ops path pulse shop space stack sync wave works".split()


def _pick(rng: np.random.Generator, words: list[str]) -> str:
    return words[int(rng.integers(len(words)))]


def _clause(rng: np.random.Generator) -> str:
    start = f"{_pick(rng, ['the', 'each', 'a', 'this', 'every'])} {_pick(rng, _ADJECTIVES)} {_pick(rng, _NOUNS)}"
    end = f"{_pick(rng, _DOING)} {_pick(rng, ['the', 'one', 'its', 'your'])} {_pick(rng, _NOUNS)}"
    return f"{start} {end} {_pick(rng, _LINKING)} {_pick(rng, _ADJECTIVES)} {_pick(rng, _NOUNS)}s"


def _sentence(rng: np.random.Generator) -> str:
    return f"{_clause(rng).capitalize()}."


def _money(rng: np.random.Generator) -> str:
    sign = _pick(rng, ["$", "$", "€", "£"])
    return f"{sign}{rng.integers(1, 9999):,}" if rng.random() < 0.5 else f"{sign}{rng.integers(1, 400)}.{rng.integers(100):02d}"


def _number(rng: np.random.Generator) -> str:
    return f"{int(10 ** rng.uniform(0.5, 4.6)):,}"


def _identifier(rng: np.random.Generator) -> str:
    return f"{_pick(rng, _NOUNS)}_{_pick(rng, _NOUNS)}"


def _code(rng: np.random.Generator) -> str:
    name, other = _identifier(rng), _pick(rng, _NOUNS)
    return _pick(
        rng,
        [
            f"{name} = load({other!r}, limit={rng.integers(2, 500)})",
            f"for {other} in {name}:",
            f"    {other}.append({_pick(rng, _NOUNS)})",
            f"def {name}({other}, {_pick(rng, _NOUNS)}=None):",
            f"    return {name}[{rng.integers(0, 64)}]",
            f"if {other} is not None:",
            f"    {name}({rng.integers(1, 99)}, {other})",
            f"# {_clause(rng)}",
            f"import {name}",
        ],
    )


_KINDS: Final[Mapping[str, Callable[[np.random.Generator], str]]] = {
    "action": lambda rng: _pick(rng, _VERBS) if rng.random() < 0.6 else f"{_pick(rng, _VERBS)} {_pick(rng, _NOUNS)}",
    "brand": lambda rng: (_pick(rng, _NOUNS) + _pick(rng, _HANDLES)).capitalize(),
    "clock": lambda rng: f"{rng.integers(0, 24):02d}:{rng.integers(0, 60):02d}",
    "code": _code,
    "count": lambda rng: str(rng.integers(1, 100)),
    "date": lambda rng: f"{_pick(rng, _MONTHS)} {rng.integers(1, 29)}, 20{rng.integers(18, 30)}",
    "email": lambda rng: f"{_pick(rng, _FIRST).lower()}@{_pick(rng, _NOUNS)}.example",
    "field": lambda rng: f"{_pick(rng, _ADJECTIVES)} {_pick(rng, _NOUNS)}".capitalize(),
    "identifier": _identifier,
    "money": _money,
    "month": lambda rng: f"{_pick(rng, _MONTHS)} 20{rng.integers(18, 30)}",
    "number": _number,
    "paragraph": lambda rng: " ".join(_sentence(rng) for _ in range(int(rng.integers(2, 5)))),
    "percent": lambda rng: f"{_pick(rng, ['+', '-', ''])}{rng.integers(0, 100)}.{rng.integers(10)}%",
    "person": lambda rng: f"{_pick(rng, _FIRST)} {_pick(rng, _LAST)}",
    "product": lambda rng: f"{_pick(rng, _MATERIALS)} {_pick(rng, _GOODS).lower()}",
    "section": lambda rng: _pick(rng, _SECTIONS),
    "sentence": _sentence,
    "status": lambda rng: _pick(rng, _STATUS),
    "task": lambda rng: f"{_pick(rng, _VERBS)} the {_pick(rng, _ADJECTIVES)} {_pick(rng, _NOUNS)}",
    "title": lambda rng: f"{_pick(rng, _ADJECTIVES)} {_pick(rng, _NOUNS)}s".capitalize(),
    "word": lambda rng: _pick(rng, _NOUNS).capitalize(),
}
_LONG: Final = frozenset({"paragraph", "sentence", "code"})


def write(kind: str, rng: np.random.Generator) -> str:
    """A text such as interfaces show.

    Args:
        kind: what it says, such as "person", "money" or "sentence".
        rng: decides the words.

    Raises:
        KeyError: there is no such kind.
    """
    return _KINDS[kind](rng)


def rewrite(kind: str, text: str, rng: np.random.Generator) -> str:
    """Another text of this kind: a new one, or, of a long one, with a few other words.

    Args:
        kind: what the text says, as for `write`.
        text: how it reads now.
        rng: decides the words.
    """
    if kind not in _LONG:
        return next(new for _ in range(99) if (new := write(kind, rng)) != text)
    words = text.split(" ")
    places = [place for place, word in enumerate(words) if word.isalpha() and len(word) > 3]
    if not places:
        return f"{text} {_pick(rng, _NOUNS)}"
    for place in rng.choice(places, min(len(places), int(rng.integers(1, 4))), replace=False):
        words[place] = next(new for _ in range(99) if (new := _pick(rng, _NOUNS)) != words[place].lower())
    return " ".join(words)
