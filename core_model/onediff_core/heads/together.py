"""Heads by name: built from a plugin's record, loaded from folders, run several at once on one pass of the base."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from torch import nn

from onediff_core.errors import CheckpointError
from onediff_core.heads.base import Head
from onediff_core.heads.config import HeadConfig
from onediff_core.heads.files import read_config, read_weights
from onediff_core.heads.mask import ChangeMaskHead
from onediff_core.heads.pair import PairHead
from onediff_core.heads.region import RegionHead, RegionLogits

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from torch import Tensor

    from onediff_core.features import DeltaFeatures
    from onediff_core.heads.config import Task
    from onediff_plugins.specs import HeadSpec

# What a head of each task has beside `forward`; `Head` says what it answers.
_METHODS: Final = {"mask": ("score", "probabilities"), "region": ("answers",), "pair": ("score",)}

STANDARD: Final[dict[str, type[Head]]] = {head.task: head for head in (ChangeMaskHead, RegionHead, PairHead)}


def build_head(
    spec: HeadSpec,
    *,
    channels: Sequence[int],
    strides: Sequence[int],
    token_size: int,
    exclusive: bool = False,
    evidence: str | None = None,
    width: int = 48,
    half_width: int = 24,
) -> Head:
    """An untrained head for what a plugin contributes, on features of a given shape.

    Args:
        spec: task, classes and kinds; its own `build`, called with the `HeadConfig`, where it has one.
        channels: channels of each dense map, finest first.
        strides: image pixels per cell of each dense map.
        token_size: channels of the delta tokens.
        exclusive: see `HeadConfig`.
        evidence: see `HeadConfig`.
        width: see `HeadConfig`.
        half_width: see `HeadConfig`.

    Raises:
        ValueError: values that do not fit the task.
        TypeError: the plugin's `build` did not make a `Head` of that name and task.
    """
    config = HeadConfig(
        name=spec.name,
        task=spec.task,
        classes=spec.classes,
        kinds=spec.kinds,
        gsd_range_m=spec.gsd_range_m,
        channels=tuple(channels),
        strides=tuple(strides),
        token_size=token_size,
        exclusive=exclusive,
        evidence=evidence,
        width=width,
        half_width=half_width,
    )
    return _made(config, spec.build)


def load_head(folder: str | os.PathLike[str], *, base_fingerprint: str, spec: HeadSpec | None = None) -> Head:
    """Load a head of any task for inference.

    Args:
        folder: as `save_pretrained` wrote it.
        base_fingerprint: digest of the base that it is to run on.
        spec: the plugin's record, whose task, classes and kinds it must have and whose `build` makes it.

    Raises:
        CheckpointError: as `Head.from_pretrained`, or a head that is not what `spec` says.
        TypeError: as `build_head`.
    """
    config = read_config(Path(folder), base_fingerprint)
    if spec is not None:
        found = (config.task, config.classes, dict(config.kinds))
        if found != (wanted := (spec.task, spec.classes, dict(spec.kinds))):
            raise CheckpointError(
                f"{folder} holds task, classes and kinds {found}, the head {spec.name!r} declares {wanted}: "
                "train it again, or give it a name of its own"
            )
    try:
        head = _made(config, spec.build if spec is not None else None)
    except ValueError as error:
        raise CheckpointError(f"{folder}: {error}") from error
    read_weights(Path(folder), head)
    return head.eval()


def _made(config: HeadConfig, build: Callable[..., Any] | None) -> Head:
    head = STANDARD[config.task](config) if build is None else build(config)
    if not isinstance(head, Head):
        raise TypeError(f"the build of head {config.name!r} must return a Head, got {type(head).__name__}")
    if (found := (head.config.name, head.config.task)) != (wanted := (config.name, config.task)):
        raise TypeError(f"the build of head {config.name!r} must keep its name and task {wanted}, got {found}")
    if missing := [name for name in _METHODS[config.task] if not callable(getattr(head, name, None))]:
        raise TypeError(
            f"the build of head {config.name!r} made a {type(head).__name__} without {' and '.join(missing)}, which "
            f"a {config.task} head is asked for: see onediff_core.heads.base.Head"
        )
    return head


class HeadSet(nn.Module):
    """Named heads that share one frozen base: its features are computed once, and no gradient flows back into them."""

    def __init__(self, heads: Iterable[Head]) -> None:
        """Collect heads by the names in their configurations.

        Args:
            heads: made for the same base.

        Raises:
            ValueError: two of one name, features of different shapes, or a pair head whose evidence is not here.
        """
        super().__init__()
        listed = list(heads)
        # A list: names hold dots, which modules' names may not.
        self.heads = nn.ModuleList(listed)
        self.names = tuple(head.config.name for head in listed)
        if twice := sorted({name for name in self.names if self.names.count(name) > 1}):
            raise ValueError(f"two heads are called {', '.join(twice)}")
        shapes = {
            (head.config.channels, head.config.strides, head.config.token_size): head.config.name for head in listed
        }
        if len(shapes) > 1:
            raise ValueError(
                "heads on one base read features of one shape, got "
                + "; ".join(f"{name!r}: channels, strides, token size {shape}" for shape, name in shapes.items())
            )
        masks = {head.config.name for head in listed if head.config.task == "mask"}
        for head in listed:
            evidence = head.config.evidence
            if evidence is not None and evidence not in masks:
                raise ValueError(
                    f"head {head.config.name!r} looks at the mask head {evidence!r}; here are {sorted(masks) or 'none'}"
                )

    def __getitem__(self, name: str) -> Any:
        """The head of that name."""
        for head in self:
            if head.config.name == name:
                return head
        raise KeyError(f"no head {name!r}; here are {', '.join(self.names) or 'none'}")

    def __iter__(self) -> Iterator[Head]:
        """The heads, in the order that they were given in."""
        for head in self.heads:
            assert isinstance(head, Head)  # noqa: S101  ModuleList forgets its types
            yield head

    def forward(
        self, features: DeltaFeatures, boxes: Sequence[Tensor] | None = None
    ) -> dict[str, Tensor | RegionLogits]:
        """Logits of every head, by name.

        Args:
            features: from the base; detached before use.
            boxes: for region heads, see `RegionHead.forward`; without boxes they are left out.
        """
        features = features.detached()
        of_task: dict[Task, list[Any]] = {"mask": [], "region": [], "pair": []}
        for head in self:
            of_task[head.config.task].append(head)
        outputs: dict[str, Tensor | RegionLogits] = {head.config.name: head(features) for head in of_task["mask"]}
        if boxes is not None:
            outputs |= {head.config.name: head(features, boxes) for head in of_task["region"]}
        for head in of_task["pair"]:
            evidence = head.config.evidence
            score = None if evidence is None else self[evidence].score(outputs[evidence])
            outputs[head.config.name] = head(features, score)
        return outputs
