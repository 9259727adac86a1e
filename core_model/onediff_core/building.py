"""From what the host asks for to a OneDiff that answers: weights found and loaded once, heads chosen, device checked.

Light at module level: a list of plugins makes a `Builder`, and only building loads torch.
"""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING

from onediff_core import layout

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch

    from onediff_core.checkpoint import Checkpoint
    from onediff_core.describer import Describer
    from onediff_core.detector import Detector
    from onediff_core.heads.base import Head
    from onediff_plugins.records import ChangeRegion, Description, ModelRecord
    from onediff_plugins.settings import DomainSettings
    from onediff_plugins.specs import BuildContext, DomainSpec, HeadSpec
    from onediff_plugins.types import ChangeMap, ImagePair


class Builder:
    """Makes the OneDiffs of one host, which asks its plugins anew.

    It remembers what it found and loaded: both roles, all domains and all sets of heads share one base in memory.
    """

    def __init__(self) -> None:
        """Nothing is loaded yet."""
        self._found: dict[str | None, layout.Location] = {}
        self._loaded: dict[tuple[str | None, str], Checkpoint] = {}
        self._loading = threading.Lock()  # two threads that ask at once wait for one base

    def held_heads(self, weights: str | None) -> list[HeadSpec]:
        """The heads that lie beside some weights; see `layout.held_heads`."""
        return layout.held_heads(self._locate(weights).folder)

    def lacks(self, role: str, weights: str | None) -> str | None:
        """Why weights cannot take a role, or None: some see and have no words."""
        location = self._locate(weights)
        why = layout.why_mute(location.folder) if role == "describe" else None
        return None if why is None else f"{location.name} {why}, so it detects and does not describe"

    def unsuited(self, pair: ImagePair, weights: str | None, heads: Sequence[str]) -> str | None:
        """Why no head can look at a pair, or None; see `why_unsuited`."""
        from onediff_core.suitability import why_unsuited

        if weights is None and not heads:
            return f"no head that ships is for the domain {pair.domain!r}"
        specs = [spec for spec in self.held_heads(weights) if spec.name in heads]
        # What lies elsewhere may be for any scale.
        return why_unsuited(pair, specs if len(specs) == len(heads) else [])

    def __call__(self, context: BuildContext) -> OneDiff:
        """A OneDiff for a domain.

        Raises:
            SettingsError: no such device here.
            CheckpointError: weights or heads that are not there, damaged, or not made for each other.
        """
        from onediff_core.devices import place, torch_device

        device = torch_device(context.device)
        checkpoint = self._base(context.weights, device)
        heads = checkpoint.load_heads(context.heads, context.head_specs)
        for head in heads.values():
            place(head.float(), device)  # small, and halves are too coarse for places in an image
        return OneDiff(checkpoint, heads, context.domain, device)

    def _base(self, weights: str | None, device: torch.device) -> Checkpoint:
        key = (weights, str(device))
        with self._loading:
            if key not in self._loaded:
                self._loaded[key] = _ready(self._locate(weights), device)
            return self._loaded[key]

    def _locate(self, weights: str | None) -> layout.Location:
        if weights not in self._found:
            self._found[weights] = layout.locate(weights)
        return self._found[weights]


class OneDiff:
    """One base in both roles, for one domain. What a role lacks is said when that role is asked.

    Attributes:
        record: what was loaded, for the provenance of results.
        notice: what whoever runs it has to read of its terms, or None.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        heads: Mapping[str, Head],
        domain: DomainSpec,
        device: torch.device,
        most_described: int | None = None,
    ) -> None:
        """Keep the parts.

        Args:
            checkpoint: on the device, in the dtype that it is to run in.
            heads: likewise.
            domain: whose kinds of change regions may get, and whose sentence a pair without a change.
            device: where they are.
            most_described: regions that are described one by one; the describer's own number unless given.
        """
        from onediff_plugins.records import ModelRecord

        self._checkpoint, self._heads, self._domain, self._device = checkpoint, heads, domain, device
        self._most_described = most_described
        self.record: ModelRecord = ModelRecord(
            name=checkpoint.name, revision=checkpoint.revision, licence=checkpoint.terms.licence, heads=tuple(heads)
        )
        self.notice: str | None = checkpoint.terms.notice

    def detect(
        self, pairs: Sequence[ImagePair], overviews: Sequence[ImagePair], settings: DomainSettings
    ) -> list[ChangeMap]:
        """See `Detector.detect`."""
        return self._detector.detect(pairs, overviews, settings)

    def label(self, pair: ImagePair, regions: Sequence[ChangeRegion]) -> list[ChangeRegion]:
        """See `Detector.label`."""
        return self._detector.label(pair, regions)

    def describe(
        self,
        pairs: Sequence[ImagePair],
        regions: Sequence[Sequence[ChangeRegion]],
        prompts: Sequence[str | None],
    ) -> list[Description]:
        """See `Describer.describe`."""
        return self._describer.describe(pairs, regions, prompts)

    @functools.cached_property
    def _detector(self) -> Detector:
        from onediff_core.detector import Detector

        return Detector(self._checkpoint, self._heads, self._device, self._domain.kinds)

    @functools.cached_property
    def _describer(self) -> Describer:
        from onediff_core.describer import MOST_DESCRIBED, Describer

        most = MOST_DESCRIBED if self._most_described is None else self._most_described
        return Describer(self._checkpoint, self._domain.wording.unchanged, self._device, most)


def _ready(location: layout.Location, device: torch.device) -> Checkpoint:
    """A base as it runs; its heads are chosen apart."""
    from onediff_core.checkpoint import load_checkpoint
    from onediff_core.devices import place

    checkpoint = load_checkpoint(location, heads=())
    place(checkpoint.base if checkpoint.whole is None else checkpoint.whole, device)
    return checkpoint
