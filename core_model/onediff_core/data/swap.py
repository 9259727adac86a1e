"""A pair told backwards: after becomes before."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from onediff_core.data.synthetic.captions import described

if TYPE_CHECKING:
    from onediff_core.data.sample import Sample, SampleRegion

_BACKWARDS: Final = {"added": "removed", "removed": "added", "changed": "changed", "moved": "moved"}
_CLASS_BACKWARDS: Final = str.maketrans("+-", "-+")


def swap(sample: Sample) -> Sample:
    """The same pair in the other order of time.

    Kinds turn round, as do classes with a direction (`building+`, `building-`) and attributes that say how something
    was and is. Captions are written anew from the regions; where these were never listed, captions of a change are
    dropped, since nobody said how it reads backwards, and captions of no change are kept. Source and id stay.

    Masks and boxes stay where they are. Of sides that lie a little off each other, they are then off by as much.

    Args:
        sample: any; it is not changed.

    Returns:
        A sample; of samples from `onediff_core.data.synthetic`, swapping twice gives the first one back.
    """
    backwards = replace(
        sample,
        before=sample.after,
        after=sample.before,
        masks={_class_backwards(name): mask for name, mask in sample.masks.items()},
        regions=sample.regions and tuple(_region_backwards(region) for region in sample.regions),
    )
    if not sample.changed:
        return backwards if sample.changed is False else replace(backwards, captions=())
    if backwards.regions and sample.captions:
        return described(backwards)
    return replace(backwards, captions=())


def _class_backwards(name: str) -> str:
    return name[:-1] + name[-1:].translate(_CLASS_BACKWARDS)


def _region_backwards(region: SampleRegion) -> SampleRegion:
    facts = region.attributes
    attributes = {name: facts.get(_opposite(name), value) for name, value in facts.items()}
    box = region.box
    if "box_before" in facts:
        box, attributes["box_before"] = facts["box_before"], region.box
    return replace(region, kind=_BACKWARDS[region.kind], box=box, attributes=attributes)


def _opposite(name: str) -> str:
    """The attribute that says the same of the other time, such as colour_after for colour_before."""
    for one, other in (("_before", "_after"), ("_after", "_before")):
        if name.endswith(one):
            return name.removesuffix(one) + other
    return name
