"""OneDiff as a detector: mask heads say where something changed, a pair head whether, a region head what."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np
import torch

from onediff_core.devices import inference
from onediff_core.errors import CheckpointError
from onediff_core.heads import HeadSet
from onediff_core.imagery import PairView, is_shown, place_of, whole_view, window_of, with_context
from onediff_core.layout import held_heads
from onediff_core.suitability import MOST_ENLARGED, enlargement
from onediff_core.surroundings import HeadAnswer, settled
from onediff_core.tiling import Scene, predict_tiled
from onediff_plugins.errors import UnsupportedSourceError
from onediff_plugins.specs import KINDS
from onediff_plugins.types import ChangeMap
from onediff_plugins.windows import overview

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from onediff_core.checkpoint import Checkpoint
    from onediff_core.heads import RegionAnswer
    from onediff_core.heads.base import Head
    from onediff_core.imagery import FloatImage
    from onediff_plugins.records import ChangeRegion
    from onediff_plugins.settings import DomainSettings
    from onediff_plugins.types import Box, ImagePair

    Looks = Sequence[tuple[float, Sequence[tuple[int, ...]]]]

BATCH: Final = 8
# The attribute of a region that says what of it changed, such as its colour.
WHAT: Final = "what"
_TASKS: Final = ("mask", "region", "pair")
# The label is likelier than all others together. Whoever found a region had a reason for its kind: on real pages the
# head is right against it from here on, and on drawn ones it makes no difference.
_SURE_OF_LABEL: Final = 0.5
_SURE_OF_KIND: Final = 0.95
# Windows of views that are enlarged are multiples of this, the stride of the coarsest maps.
_WINDOW_STEP: Final = 32
# How often, and how, a pair is looked at: at so many times the size, mirrored along these axes of (h, w).
_ONCE: Final = ((1.0, ((),)),)
_ACCURATELY: Final = tuple((size, ((), (1,))) for size in (1.0, 1.2))


class Detector:
    """Finds where pairs differ with the heads on one base; keeps no state."""

    def __init__(
        self, checkpoint: Checkpoint, heads: Mapping[str, Head], device: torch.device, kinds: Sequence[str] = KINDS
    ) -> None:
        """Sort the heads by what they answer.

        Args:
            checkpoint: its model on the device, in the dtype that it is to run in.
            heads: on the device, too.
            device: where they are.
            kinds: of change, that a region head may give.

        Raises:
            CheckpointError: neither a mask head nor a region head, or a pair head without the mask head that it looks
                at.
        """
        by_task = {task: [head for head in heads.values() if head.config.task == task] for task in _TASKS}
        if not by_task["mask"] and not by_task["region"]:
            raise _blind(checkpoint, heads)
        self._checkpoint, self._heads = checkpoint, heads
        self._base, self._device, self._kinds = checkpoint.base, device, kinds
        self._images = checkpoint.image_processor
        self._whole, self._window = whole_view(self._images), window_of(self._images)
        self._masks = [list(group) for _, group in groupby(sorted(by_task["mask"], key=_scale), key=_scale)]
        self._pairs, self._regions = by_task["pair"], by_task["region"]
        try:
            self._on_pairs = HeadSet([*by_task["mask"], *self._pairs]).eval() if self._pairs else None
        except ValueError as error:
            raise CheckpointError(
                f"the heads {', '.join(heads)} do not go together: {error}. Load what is missing, too, with --head"
            ) from error

    def detect(
        self, pairs: Sequence[ImagePair], overviews: Sequence[ImagePair], settings: DomainSettings
    ) -> list[ChangeMap]:
        """Change maps of preprocessed pairs; tiles of several pairs share a batch.

        Args:
            pairs: warped and preprocessed.
            overviews: each pair's scene, preprocessed alike: what scales values that are no colours.
            settings: `accurate`, to look four times: mirrored, and enlarged by a fifth; the mean counts.

        Returns:
            For each pair the highest score of the mask heads, 1 where the after image has no counterpart, 0 where
            nothing can be compared; the classes of all heads; and the pair head's confidence where there is one. A head
            that was trained for images more than four times as fine as a pair is left out of that pair. What a head
            yields to another is 0 in its score and classes, and blobs too small for it fall short of the threshold.

        Raises:
            CheckpointError: no mask head.
            UnsupportedSourceError: bands that are neither colours nor a single one, or no head for images so coarse.
        """
        if not self._masks:
            raise _blind(self._checkpoint, self._heads)
        views = [PairView.of(pair, seen, self._images) for pair, seen in zip(pairs, overviews, strict=True)]
        found: list[list[HeadAnswer]] = [[] for _ in views]
        looks = _ACCURATELY if settings.accurate else _ONCE
        for heads in self._masks:
            fitting = [index for index, view in enumerate(views) if _enlargement(view, heads) <= MOST_ENLARGED]
            answers = self._probabilities(heads, [views[index] for index in fitting], looks)
            for index, answer in zip(fitting, answers, strict=True):
                found[index] += answer
        for view, answers_to_it in zip(views, found, strict=True):
            if not answers_to_it:
                raise _too_coarse(view, self._masks)
        left = [settled(of_view, settings.threshold) for of_view in found]
        verdicts = self._verdicts(views)
        return [_change_map(*parts) for parts in zip(views, left, verdicts, strict=True)]

    def label(self, pair: ImagePair, regions: Sequence[ChangeRegion]) -> list[ChangeRegion]:
        """Regions as the region head names them, each seen in a crop with context; as they are without such a head.

        Args:
            pair: warped and preprocessed. Values that are no colours are scaled by the pair itself.
            regions: on its after grid. What it does not show, because its room went with it, gets no name.
        """
        shown = [index for index, region in enumerate(regions) if is_shown(region)]
        named = list(regions)
        if not self._regions or not shown:
            return named
        view = PairView.of(pair, overview(pair), self._images)
        for start in range(0, len(shown), BATCH):
            part = shown[start : start + BATCH]
            for index, answer in zip(part, self._answers(view, [regions[index] for index in part]), strict=True):
                named[index] = self._named(regions[index], answer, pair)
        return named

    # --- masks ------------------------------------------------------------------------------------------------

    def _probabilities(
        self, heads: Sequence[Any], views: Sequence[PairView], looks: Looks
    ) -> Iterator[list[HeadAnswer]]:
        """What each head of one scale finds in each view, on its after grid: the mean of several looks."""
        by_size = [self._looked_at(heads, views, size, mirrors) for size, mirrors in looks]
        ends = np.cumsum([len(head.config.classes) for head in heads])[:-1]
        for view, *planes in zip(views, *by_size, strict=True):
            mean = sum(planes) / np.float32(len(planes))
            parts = zip(heads, mean[: len(heads)], np.split(mean[len(heads) :], ends), strict=True)
            gsd_m = view.pair.after.gsd_m
            yield [HeadAnswer(head.config, score, classes, gsd_m) for head, score, classes in parts]

    def _looked_at(
        self, heads: Sequence[Any], views: Sequence[PairView], size: float, mirrors: Sequence[tuple[int, ...]]
    ) -> Iterator[NDArray[np.float32]]:
        """A score for each head, then their classes, of each view at so many times the size that heads see it at."""
        size *= heads[0].config.enlarge
        scenes = (self._scene(view, _network_size(view, heads, size)) for view in views)
        # As much of the scene in a window, whatever the size.
        window = _WINDOW_STEP * max(1, round(size * self._window / _WINDOW_STEP))
        maps = predict_tiled(
            lambda before, after: self._mirrored(heads, before, after, mirrors),
            scenes,
            window=window,
            overlap=window // 4,
            batch_size=BATCH,
        )
        for view, found in zip(views, maps, strict=True):
            yield _on_grid(found.numpy(), view.box)

    def _mirrored(
        self, heads: Sequence[Any], before: Tensor, after: Tensor, mirrors: Sequence[tuple[int, ...]]
    ) -> Tensor:
        """The mean over mirror images of what `_dense` says."""
        seen = []
        for mirror in mirrors:
            axes = [axis - 2 for axis in mirror]
            seen.append(self._dense(heads, before.flip(axes), after.flip(axes)).flip(axes))
        return torch.stack(seen).mean(dim=0)

    def _scene(self, view: PairView, size: tuple[int, int]) -> Scene:
        width, height = size
        if size == (view.box.width, view.box.height):
            return Scene(height=height, width=width, cut=lambda box: _tensors(*view.cut(box)))
        if width >= view.box.width and height >= view.box.height:  # never whole: it would not fit into memory
            return Scene(height=height, width=width, cut=lambda box: _tensors(*view.cut_enlarged(box, width, height)))
        return Scene.of(*_tensors(*view.resized(*size)))

    def _dense(self, heads: Sequence[Any], before: Tensor, after: Tensor) -> Tensor:
        """(T, S + K, h, w): a score for each head, then their classes, for windows (T, 3, h, w) of both images."""
        height, width = after.shape[2:]
        multiple = self._images.size_multiple
        rows, columns = (_lengthened(side, multiple) for side in (height, width))
        mean, std = (torch.tensor(of)[:, None, None] for of in (self._images.image_mean, self._images.image_std))
        pixels = (torch.stack([before, after], dim=1)[..., rows, :][..., columns] - mean) / std  # (T, 2, 3, H, W)
        # Two images a pair in one batch of the tower: channels last there, where it counts.
        flat = pixels.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        with inference(self._device):
            images = flat.to(self._device).unflatten(0, (-1, 2))
            reads_tokens = any(head.reads_tokens for head in heads)
            features = self._base(images).delta if reads_tokens else self._base.dense_features(images)
            logits = [head(features)[:, :, :height, :width] for head in heads]
        scores = [head.score(found)[:, None] for head, found in zip(heads, logits, strict=True)]
        classes = [head.probabilities(found) for head, found in zip(heads, logits, strict=True)]
        return torch.cat([*scores, *classes], dim=1)

    # --- pairs and regions ------------------------------------------------------------------------------------

    def _verdicts(self, views: Sequence[PairView]) -> list[float | None]:
        """The pair heads' confidence for each pair as a whole at the window's size, or None without such a head."""
        if self._on_pairs is None:
            return [None] * len(views)
        found: list[float | None] = []
        for start in range(0, len(views), BATCH):
            features = self._see([view.whole() for view in views[start : start + BATCH]])
            with inference(self._device):
                logits = self._on_pairs(features)
            scores = [head.score(logits[head.config.name]) for head in self._pairs]  # type: ignore[operator]  # a PairHead
            found += torch.stack(scores).amax(0).tolist()
        return found

    def _answers(self, view: PairView, regions: Sequence[ChangeRegion]) -> list[RegionAnswer]:
        """The surest region head's answer for each region."""
        places = [place_of(region, view.box) for region in regions]
        crops = [with_context(place, view.box, self._window) for place in places]
        features = self._see([view.cut(crop) for crop in crops])
        boxes = [
            torch.tensor([self._inside(place, crop)], dtype=torch.float32, device=self._device)
            for place, crop in zip(places, crops, strict=True)
        ]
        answers: list[list[RegionAnswer]] = []
        with inference(self._device):
            for head in self._regions:
                answers.append(head.answers(head(features, boxes)))  # type: ignore[operator]  # a RegionHead
        return [max(said, key=lambda answer: answer.confidence) for said in zip(*answers, strict=True)]

    def _named(self, region: ChangeRegion, answer: RegionAnswer, pair: ImagePair) -> ChangeRegion:
        """The region with its name and kind, where the head is sure enough, and of the kind surer than who found it.

        Of what has no counterpart, nothing went; where it was, or what of it changed, tells a detector that knows it;
        and nothing moved for which that place is not known.
        """
        if answer.confidence >= _SURE_OF_LABEL:
            region = region.replace(label=answer.label)
        lonely = pair.unmatched_after is not None and (
            pair.unmatched_after[place_of(region, pair.after.box).slices].mean() > 0.5
        )
        known = lonely or region.bbox_before is not None or WHAT in region.attributes
        if known or answer.kind_confidence < _SURE_OF_KIND or answer.kind not in {*self._kinds} - {"moved"}:
            return region
        return region.replace(kind=answer.kind)

    def _inside(self, place: Box, crop: Box) -> tuple[float, float, float, float]:
        """A place in pixels of its crop as the network sees it."""
        height, width = self._whole.resized(crop.height, crop.width)
        x, y = width / crop.width, height / crop.height
        moved = place.shifted(-crop.x0, -crop.y0)
        return moved.x0 * x, moved.y0 * y, moved.x1 * x, moved.y1 * y

    def _see(self, pictures: Sequence[tuple[FloatImage, FloatImage]]) -> Any:
        """Delta features, tokens included, of pairs (h, w, 3) of any sizes, each brought to the window's size."""
        made = self._whole(list(pictures)).to(self._device)
        with inference(self._device):
            return self._base(made["pixel_values"], made.get("image_mask")).delta


def _blind(checkpoint: Checkpoint, heads: Mapping[str, Head]) -> CheckpointError:
    loaded = ", ".join(f"{name} ({head.config.task})" for name, head in heads.items()) or "none"
    return CheckpointError(
        f"OneDiff finds places with a mask head, and the heads loaded are: {loaded}. Beside {checkpoint.name} lie "
        f"{_held(checkpoint)}: name one with --head NAME, or a folder of one"
    )


def _held(checkpoint: Checkpoint) -> str:
    return ", ".join(f"{head.name} ({head.task})" for head in held_heads(checkpoint.folder)) or "no heads"


def _tensors(before: FloatImage, after: FloatImage) -> tuple[Tensor, Tensor]:
    """(h, w, 3) arrays as (3, h, w)."""
    return torch.tensor(before).permute(2, 0, 1), torch.tensor(after).permute(2, 0, 1)


def _lengthened(side: int, multiple: int) -> Tensor:
    """Indices that lengthen a side to a multiple by reflection at its end, however short it is."""
    return torch.tensor(np.pad(np.arange(side), (0, -side % multiple), mode="reflect"))


def _scale(head: Any) -> str:
    """What heads that look at a pair together have in common; as text, which sorts."""
    return f"{head.config.gsd_range_m} {head.config.enlarge}"


def _enlargement(view: PairView, heads: Sequence[Any]) -> float:
    """How many times as large heads, which share one range of ground sample distances, have to see a pair."""
    return enlargement(view.pair.after.gsd_m, heads[0].config.gsd_range_m)


def _network_size(view: PairView, heads: Sequence[Any], size: float) -> tuple[int, int]:
    """Width and height at which heads of one scale look at a pair, at so many times the size."""
    factor = size * _enlargement(view, heads)
    return max(1, round(view.box.width * factor)), max(1, round(view.box.height * factor))


def _too_coarse(view: PairView, groups: Sequence[Sequence[Any]]) -> UnsupportedSourceError:
    frame = view.pair.after
    trained = "; ".join(
        "{} for {:g} to {:g} m".format(head.config.name, *head.config.gsd_range_m) for heads in groups for head in heads
    )
    return UnsupportedSourceError(
        f"{frame.source} has {frame.gsd_m:g} m a pixel, and the heads were trained for finer images ({trained}): "
        "choose a head for such images with --head, or another detector"
    )


def _change_map(view: PairView, answers: Sequence[HeadAnswer], verdict: float | None) -> ChangeMap:
    pair, configs = view.pair, [answer.config for answer in answers]
    score = np.where(pair.valid, np.max([answer.score for answer in answers], axis=0), np.float32(0))
    if pair.unmatched_after is not None:
        score = np.where(pair.valid & pair.unmatched_after, np.float32(1), score)
    return ChangeMap(
        score=score,
        valid=pair.valid,
        class_scores=np.where(pair.valid, np.concatenate([answer.classes for answer in answers]), np.float32(0)),
        class_names=tuple(name for config in configs for name in config.classes),
        class_kinds=tuple(config.kinds.get(name) for config in configs for name in config.classes),
        pair_score=verdict,
    )


def _on_grid(maps: NDArray[np.float32], grid: Box) -> NDArray[np.float32]:
    """(K, h, w) probabilities on the after grid, in [0, 1]."""
    if maps.shape[1:] != (grid.height, grid.width):
        method = cv2.INTER_AREA if maps[0].size > grid.width * grid.height else cv2.INTER_LINEAR
        maps = np.stack([cv2.resize(plane, (grid.width, grid.height), interpolation=method) for plane in maps])
    return np.clip(maps, 0, 1)
