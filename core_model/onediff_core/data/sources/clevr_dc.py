"""CLEVR-DC (Kim et al., ICCV 2021): drawn solids seen before and after from cameras that stand far apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from onediff_core.data.record import Record
from onediff_core.data.sources import base
from onediff_core.data.sources.clevr_change import number_of, splits_of, types_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from onediff_core.data.summary import Summary

_UNCHANGED: Final = ("no change", "no_change", "distractor", "none")


def _recognises(parsed: Any) -> bool:
    if not isinstance(parsed, dict) or not parsed:
        return False
    name, told = next(iter(parsed.items()))
    return str(name).partition(".")[0].isdigit() and isinstance(told, list) and all(isinstance(s, str) for s in told)


def _read(root: Path, given: tuple[Path, ...], settings: base.SourceSettings, summary: Summary) -> Iterator[Record]:
    captions = base.annotations_of(SOURCE, given[0] if given else _first(root, "captions_dc.json", "captions.json"))
    splits = splits_of(_first(root, "split_dc.json", "split.json", "splits.json"))
    types = types_of(root / "type_mapping.json")
    before, after = (_first(root, *names) for names in (("bef", "images"), ("aft", "sc_images")))
    for name, sentences in captions.items():
        number, stem = number_of(name), str(name).partition(".")[0]
        if number not in splits:
            summary.note("scenes of no split left out")
            continue
        told, kind = base.written(sentences, summary), types.get(number, "")
        denied = kind in _UNCHANGED if kind else bool(told) and all(map(base.denies_change, told))
        yield Record(
            id=stem,
            before=before / f"{stem}.png",
            after=after / f"{stem}.png",
            captions=told,
            changed=not denied if kind or told else None,
            task="caption" if told else "",
            domain="solids",
            source=SOURCE.name,
            licence=SOURCE.licence,
            split=splits[number],
            meta={"type": kind} if kind else {},
        )


def _first(root: Path, *names: str) -> Path:
    """The first of some places that is there, else the first of them."""
    return next((root / name for name in names if (root / name).exists()), root / names[0])


SOURCE: Final = base.Source(
    name="clevr-dc",
    title="CLEVR-DC",
    reads="captions_dc.json, split_dc.json, type_mapping.json where it is; bef/ and aft/",
    licence="not stated",
    read=_read,
    annotations="an object of numbers and their sentences",
    recognises=_recognises,
)
