"""A user's pairs as the detector will see them, and those that cannot be used, with the reason."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from onediff_core.data.folder import PairFolder, Pictures
from onediff_core.imagery import PairView
from onediff_plugins.errors import OneDiffError, PairError
from onediff_plugins.pipeline import prepare
from onediff_plugins.types import PairRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from onediff_core.data import Sample
    from onediff_core.image_processing_onediff import OneDiffImageProcessor
    from onediff_core.imagery import FloatImage
    from onediff_plugins import Host
    from onediff_plugins.pipeline import Prepared


class Skipped(NamedTuple):
    """A pair that is left out.

    Attributes:
        id: of the pair.
        reason: what is wrong with it.
    """

    id: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Eye:
    """Reads both images of a pair through the stages of its domain, as `onediff compare` does.

    Attributes:
        host: with the domain's plugin.
        domain: of all pairs, or None where each says its own or its headers tell.
        image_processor: of the base.
    """

    host: Host
    domain: str | None
    image_processor: OneDiffImageProcessor

    def __call__(self, row: Mapping[str, Any]) -> Pictures:
        """Both images on the after grid, in the colours that the base is shown.

        Raises:
            OneDiffError: the pair cannot be compared.
        """
        asked = self.domain or row["domain"] or "auto"
        ready = self.ready(PairRequest(before=row["before"], after=row["after"], domain=asked, id=str(row["id"])))
        return self.pictures(ready)

    def ready(self, request: PairRequest) -> Prepared:
        """A pair as detectors get it.

        Raises:
            OneDiffError: the pair cannot be compared.
        """
        domain = self.host.resolve_domain(request)
        ready = prepare(self.host, domain, request, self.host.model("onediff"))
        if (reason := ready.incomparable(self.host.settings(domain))) is not None:
            raise PairError(reason)
        return ready

    def pictures(self, ready: Prepared) -> Pictures:
        """Both images of such a pair as the base is shown them."""
        pair = ready.prepared
        view = PairView.of(pair, ready.overview, self.image_processor)
        before, after = view.cut(view.box)
        unseen = ~pair.valid if pair.unmatched_after is None else ~pair.valid | pair.unmatched_after
        return Pictures(_bytes(before), _bytes(after), unseen if unseen.any() else None, pair.after.gsd_m)


def read_pairs_of(
    pairs: PairFolder, labelled: Callable[[Sample], Sample], done: Callable[[Skipped | None], None]
) -> tuple[list[Sample], list[Skipped]]:
    """Decode all pairs into memory.

    Args:
        pairs: of the folder.
        labelled: what a head learns of a pair; raises ValueError for one that says nothing of it.
        done: called after each pair, with what is wrong with it or None.

    Returns:
        Those that can be used, and those that cannot, whole shards included.
    """
    kept: list[Sample] = []
    skipped = [Skipped("a shard", reason) for reason in pairs.left_out]
    for index, row in enumerate(pairs.rows):
        try:
            kept.append(labelled(pairs[index]))
        except (OneDiffError, ValueError) as error:
            skipped.append(Skipped(str(row["id"]), " ".join(str(error).split())))
            done(skipped[-1])
        else:
            done(None)
    return kept, skipped


def mask_labels(sample: Sample, classes: Sequence[str]) -> Sample:
    """A sample with the masks of some classes alone.

    Raises:
        ValueError: it has none of them.
    """
    masks = {name: sample.masks[name] for name in classes if name in sample.masks}
    if not masks:
        raise ValueError(f"no mask of {' or '.join(classes)}: an unchanged pair has an empty one")
    if sample.ignore is not None:
        masks = {name: mask & ~sample.ignore for name, mask in masks.items()}
    return replace(sample, masks=masks, regions=None, captions=(), changed=any(mask.any() for mask in masks.values()))


def pair_label(sample: Sample) -> Sample:
    """A sample of which is known whether it changed: as said, else by its masks or regions.

    Raises:
        ValueError: nobody said, and there is neither mask nor region.
    """
    changed = sample.changed
    if changed is None and sample.masks:
        changed = any(mask.any() for mask in sample.masks.values())
    if changed is None and sample.regions is not None:
        changed = bool(sample.regions)
    if changed is None:
        raise ValueError("nothing says whether it changed: give it `changed`, a mask or boxes")
    return replace(sample, masks={}, regions=None, captions=(), changed=changed)


def region_labels(sample: Sample, classes: Sequence[str]) -> Sample:
    """A sample with the regions of some classes alone; where there is one class, regions without a label are of it.

    Raises:
        ValueError: its regions were never listed, one has no label, or lies outside of the image.
    """
    if sample.regions is None:
        raise ValueError("no boxes: an unchanged pair has an empty list of them")
    height, width = sample.after.shape[:2]
    only = classes[0] if len(classes) == 1 else ""
    regions = [replace(region, label=region.label or only) for region in sample.regions]
    for region in regions:
        if not region.label:
            raise ValueError(f"the box {region.box} has no label, and there are several classes: {', '.join(classes)}")
        x0, y0, x1, y1 = region.box
        if x0 < 0 or y0 < 0 or x1 > width or y1 > height:
            raise ValueError(f"the box {region.box} lies outside of the image of {width}x{height}")
    kept = tuple(region for region in regions if region.label in classes)
    return replace(sample, masks={}, regions=kept, captions=(), changed=bool(kept))


def digest_of(samples: Iterable[Sample]) -> str:
    """What tells one set of pairs from another: of ids, pixels and labels."""
    crc = 0
    for sample in samples:
        for array in (sample.before, sample.after, *sample.masks.values()):
            crc = zlib.crc32(array.tobytes(), crc)
        crc = zlib.crc32(
            repr((sample.id, sample.group, sample.changed, sample.regions, list(sample.masks))).encode(), crc
        )
    return f"{crc:08x}"


def _bytes(image: FloatImage) -> NDArray[np.uint8]:
    return np.rint(image * 255).astype(np.uint8)
