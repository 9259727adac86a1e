"""Stage 7: words from the describer that was chosen, or from the domain's next one where that has none."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, NamedTuple

from onediff_plugins.errors import DescriptionError, OneDiffError
from onediff_plugins.records import Fallback

if TYPE_CHECKING:
    from collections.abc import Sequence

    from onediff_plugins.host import Host
    from onediff_plugins.records import ChangeRegion, Description
    from onediff_plugins.specs import ModelSpec
    from onediff_plugins.types import ImagePair

# A record is no log: a server's page of error text does not belong into it whole.
_LONGEST_REASON: Final = 500

log = logging.getLogger("onediff_plugins.describing")


class Words(NamedTuple):
    """What is said of a pair.

    Attributes:
        caption: the whole pair in words.
        region_captions: one per region, in the order given.
        by: who wrote the caption.
        fallbacks: who was to write and did not.
    """

    caption: str
    region_captions: tuple[str, ...]
    by: ModelSpec
    fallbacks: tuple[Fallback, ...]


def describe(host: Host, chosen: ModelSpec, pair: ImagePair, regions: Sequence[ChangeRegion]) -> Words:
    """Words for a pair and its regions.

    Args:
        host: knows the pair's domain and its describers.
        chosen: asked first.
        pair: warped and preprocessed.
        regions: the kept ones, numbered.

    Returns:
        The words of the first describer that has some. Regions that it says it has none for (`Description.unsaid`)
        get those of the next.

    Raises:
        DescriptionError: neither the chosen one nor any other of the domain has words; why the chosen one has none.
        OneDiffError: the chosen one failed otherwise.
    """
    prompt = host.caption_prompt(pair.domain, pair, regions)
    passed: tuple[Fallback, ...] = ()
    try:
        said, by = host.describe(chosen, pair, regions, prompt), chosen
    except DescriptionError as refused:
        answer = _next(host, chosen, refused, pair, regions, prompt)
        if answer.said is None or answer.by is None:
            raise
        said, by, passed = answer.said, answer.by, answer.passed
        log.warning("pair %r: words by %s, since %s has none: %s", pair.id, by.name, chosen.name, _short(refused))
    captions = list(said.region_captions or ("",) * len(regions))
    missing = [index for index, words in enumerate(captions) if not words]
    if said.unsaid is not None and missing:
        left = [regions[index] for index in missing]
        answer = _next(host, by, DescriptionError(said.unsaid), pair, left, prompt, tuple(region.id for region in left))
        if answer.said is not None and answer.said.region_captions:
            for index, words in zip(missing, answer.said.region_captions, strict=True):
                captions[index] = words
        passed += answer.passed
    return Words(said.caption, tuple(captions), by, passed)


class _Answer(NamedTuple):
    """What the next describer said and who it is, or None where none has words; and who was passed over."""

    said: Description | None
    by: ModelSpec | None
    passed: tuple[Fallback, ...]


def _next(
    host: Host,
    than: ModelSpec,
    refused: DescriptionError,
    pair: ImagePair,
    regions: Sequence[ChangeRegion],
    prompt: str | None,
    ids: tuple[int, ...] | None = None,
) -> _Answer:
    said, by = None, None
    reasons: list[tuple[str, OneDiffError]] = [(than.name, refused)]
    for spec in host.other_describers(pair.domain, than):
        try:
            said, by = host.describe(spec, pair, regions, prompt), spec
            break
        except OneDiffError as exc:  # nobody chose this one: whatever it lacks, the pair does not fail for it
            reasons.append((spec.name, exc))
    instead = None if by is None else by.name
    passed = tuple(Fallback(model=name, instead=instead, reason=_short(exc), regions=ids) for name, exc in reasons)
    return _Answer(said, by, passed)


def _short(exc: OneDiffError) -> str:
    reason = " ".join(str(exc).split())
    return reason if len(reason) <= _LONGEST_REASON else reason[: _LONGEST_REASON - 1] + "…"
