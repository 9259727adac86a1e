"""What captions are made of: verbs by what happened, numbers, and sentences that need no facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

NUMBERS: Final = (
    "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
)  # fmt: skip
UNCHANGED: Final = (
    "There is no change.",
    "No change can be seen.",
    "The two images show the same.",
    "Everything is as it was.",
    "There is no difference.",
    "The scene is the same as before.",
    "Nothing was added, removed or moved.",
    "No difference between the two images.",
    "The images are the same, apart from light and noise.",
)
OTHER_PLACE: Final = (
    "The two images show different places.",
    "The second image was taken somewhere else.",
    "These are two different places.",
    "The images do not show the same place.",
    "Everything is different: it is another place.",
)
# kind -> verbs for one and for many.
VERBS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "added": (("was added", "were added"), ("appeared", "appeared"), ("has appeared", "have appeared")),
    "removed": (("was removed", "were removed"), ("disappeared", "disappeared"), ("is gone", "are gone")),
    "changed": (("changed", "changed"), ("has changed", "have changed"), ("was changed", "were changed")),
    "moved": (("moved", "moved"), ("was moved", "were moved"), ("has moved", "have moved")),
}
OWN_VERBS: Final[Mapping[tuple[str, str], tuple[str, str]]] = {
    ("added", "building"): ("was built", "were built"),
    ("removed", "building"): ("was demolished", "were demolished"),
    ("added", "road"): ("was built", "were built"),
    ("added", "tree"): ("was planted", "were planted"),
    ("removed", "tree"): ("was cut down", "were cut down"),
    ("removed", "forest"): ("was cut down", "were cut down"),
    ("added", "person"): ("came", "came"),
    ("removed", "person"): ("has left", "have left"),
    ("added", "car"): ("arrived", "arrived"),
    ("removed", "car"): ("has left", "have left"),
    ("added", "bag"): ("was left behind", "were left behind"),
    ("removed", "bag"): ("was taken away", "were taken away"),
    ("added", "box"): ("was put down", "were put down"),
    ("removed", "box"): ("was taken away", "were taken away"),
}
UNCOUNTED: Final = frozenset({"water", "grass", "vegetation", "text", "bare soil"})
ADJECTIVES: Final = ("size", "colour", "material", "motif")
TURNED: Final = (("turned", "turned"), ("became", "became"), ("is now", "are now"))
