"""What a head is made of, as a value that round-trips through JSON."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

from onediff_plugins.errors import PluginContractError
from onediff_plugins.specs import HeadSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

Task = Literal["mask", "region", "pair"]


@dataclass(frozen=True, kw_only=True)
class HeadConfig:
    """One head: what it answers, and the shape of the delta features that it reads.

    Attributes:
        name: "<domain>.<what>", such as "satellite.building".
        task: "mask" (dense), "region" (kind and label of a box) or "pair" (changed or not).
        classes: class names, no change excluded; a pair head has one.
        channels: channels of each dense map, finest first.
        strides: image pixels per cell of each dense map, finest first, at least 2.
        token_size: channels of the delta tokens.
        kinds: class -> kind of change, for classes that have a direction.
        gsd_range_m: least and greatest ground sample distance in metres that it was trained for, or None.
        enlarge: mask only. How many times as large as that it sees best, as held-out pairs say: small things gain.
        yields_to: mask only. Another mask head -> how many times as large as its things an area of this one may be and
            still be no more than what surrounds them, and left to it; for when both are loaded. See `surroundings`.
        least_m2: mask only. Square metres of the smallest thing of it, as held-out pairs say; smaller blobs are none.
        assumed_gsd_m: ground sample distance for that of images that do not know theirs; that of all images where
            there is no `gsd_range_m`, so that `least_m2` / `assumed_gsd_m` ** 2 is a number of pixels.
        exclusive: mask only. False: a channel per class, each for itself, trained only where its class is labelled,
            so that sets with different labels train one head. True: softmax over "no change" and the classes.
        evidence: pair only. The mask head of the same `HeadSet` whose score it looks at, or None for tokens alone.
        width: channels inside the head.
        half_width: mask only. Channels at half of the image's resolution, where outlines are decided.
    """

    name: str
    task: Task
    classes: tuple[str, ...]
    channels: tuple[int, ...]
    strides: tuple[int, ...]
    token_size: int
    kinds: Mapping[str, str] = field(default_factory=dict)
    gsd_range_m: tuple[float, float] | None = None
    enlarge: float = 1.0
    yields_to: Mapping[str, float] = field(default_factory=dict)
    least_m2: float = 0.0
    assumed_gsd_m: float = 1.0
    exclusive: bool = False
    evidence: str | None = None
    width: int = 48
    half_width: int = 24

    def __post_init__(self) -> None:
        """Check the values; sequences become tuples, so that what was read from JSON equals what was written."""
        said = self._as_spec()
        object.__setattr__(self, "classes", said.classes)
        object.__setattr__(self, "gsd_range_m", said.gsd_range_m)
        object.__setattr__(self, "kinds", dict(said.kinds))  # a plain one: heads are copied for moving averages
        object.__setattr__(self, "yields_to", dict(self.yields_to))
        for name in ("channels", "strides"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        owner = f"head {self.name!r}"
        if len(self.channels) != len(self.strides) or not self.channels:
            raise ValueError(
                f"{owner}: channels and strides name each map once, got {list(self.channels)} and {list(self.strides)}"
            )
        if list(self.strides) != sorted(self.strides) or self.strides[0] < 2:
            raise ValueError(
                f"{owner}: strides start at 2 or more and go from fine to coarse, got {list(self.strides)}"
            )
        if not all(isinstance(count, int) for count in (*self.channels, *self.strides, self.token_size)):
            raise ValueError(f"{owner}: channels, strides and token_size are whole numbers, got {self}")
        if min(*self.channels, self.token_size, self.width, self.half_width) < 1:
            raise ValueError(f"{owner}: channels, token_size, width and half_width must be at least 1")
        if not 0.25 <= self.enlarge <= 4:
            raise ValueError(f"{owner}: enlarge must be between a quarter and 4, got {self.enlarge}")
        if self.yields_to and (self.task != "mask" or min(self.yields_to.values()) <= 0 or self.name in self.yields_to):
            raise ValueError(f"{owner}: a mask head yields to others, by factors above 0, got {self.yields_to}")
        if self.least_m2 < 0 or (self.least_m2 and self.task != "mask"):
            raise ValueError(f"{owner}: least_m2 is an area, of the things of a mask head, got {self.least_m2}")
        if self.assumed_gsd_m <= 0:
            raise ValueError(f"{owner}: assumed_gsd_m must be above 0, got {self.assumed_gsd_m}")
        if self.exclusive and self.task != "mask":
            raise ValueError(f"{owner}: only a mask head has exclusive classes to choose")
        if self.evidence is not None and self.task != "pair":
            raise ValueError(f"{owner}: only a pair head looks at another head's evidence")

    def _as_spec(self) -> HeadSpec:
        """What it answers, as a plugin would declare it, and checked as that is."""
        try:
            return HeadSpec(
                name=self.name,
                task=self.task,
                classes=self.classes,
                kinds=self.kinds,
                gsd_range_m=self.gsd_range_m,
            )
        except PluginContractError as error:
            raise ValueError(str(error)) from error

    def to_dict(self) -> dict[str, Any]:
        """Values that `json` writes as they are."""
        plain = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return {
            name: dict(value) if name in ("kinds", "yields_to") else _listed(value) for name, value in plain.items()
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> HeadConfig:
        """The inverse of `to_dict`.

        Raises:
            ValueError: keys that are missing or unknown, named; or values that are not allowed.
        """
        known = {entry.name for entry in fields(cls)}
        needed = {entry.name for entry in fields(cls) if entry.default is MISSING and entry.default_factory is MISSING}
        if unknown := sorted(set(values) - known):
            raise ValueError(f"unknown keys {unknown}; a head's configuration has {sorted(known)}")
        if missing := sorted(needed - set(values)):
            raise ValueError(f"missing keys {missing}")
        return cls(**values)


def _listed(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
