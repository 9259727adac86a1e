"""LEVIR-CC (Liu et al., TGRS 2022): satellite tiles, five sentences a pair.

About half of the pairs did not change, and all of these have the same five sentences.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from onediff_core.data.record import SPLITS, Record
from onediff_core.data.sources import base

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from onediff_core.data.summary import Summary

FILE: Final = "LevirCCcaptions.json"
GSD_M: Final = 0.5


def recognises(parsed: Any) -> bool:
    """Its published file, or an object of names such as train_000001 and their sentences."""
    if not isinstance(parsed, dict) or not parsed:
        return False
    images = parsed.get("images")
    if isinstance(images, list) and images and isinstance(images[0], dict):
        return {"filename", "split", "sentences"} <= images[0].keys()
    name, told = next(iter(parsed.items()))
    return str(name).partition("_")[0] in SPLITS and isinstance(told, list)


def records(
    source: base.Source, root: Path, given: tuple[Path, ...], settings: base.WithImages, summary: Summary
) -> Iterator[Record]:
    """Its pairs, without masks.

    Args:
        source: LEVIR-CC, or one that is built on it.
        root: the folder of the set.
        given: annotation files that the user named.
        settings: where the images are.
        summary: is told of blank sentences.
    """
    images = root / settings.images
    for path in given or (root / FILE,):
        for entry in _entries(base.annotations_of(source, path)):
            told = base.written(map(_plain, entry["sentences"]), summary)
            denied = [base.denies_change(sentence) for sentence in told]
            flag = entry.get("changeflag")
            if flag is not None and told and bool(flag) == all(denied):
                summary.note("pairs whose flag and sentences disagree; the flag is kept")
            folder = images / (entry.get("filepath") or entry["split"])
            yield Record(
                id=entry["filename"].rpartition(".")[0],
                before=folder / "A" / entry["filename"],
                after=folder / "B" / entry["filename"],
                captions=told,
                changed=bool(flag) if flag is not None else not all(denied) if told else None,
                task="caption",
                domain="satellite",
                source=source.name,
                licence=source.licence,
                split=SPLITS[entry["split"]],
                gsd_m=GSD_M,
            )


def _entries(parsed: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "images" in parsed:
        yield from parsed["images"]
        return
    for name, sentences in parsed.items():
        yield {"filename": f"{name}.png", "split": name.partition("_")[0], "sentences": sentences}


def _plain(sentence: Any) -> str:
    """The raw sentences end in a period of its own, as tokens do."""
    raw = str(sentence["raw"] if isinstance(sentence, dict) else sentence)
    return raw.strip().removesuffix(" .")


def _read(root: Path, given: tuple[Path, ...], settings: base.WithImages, summary: Summary) -> Iterator[Record]:
    return records(SOURCE, root, given, settings, summary)


SOURCE: Final = base.Source(
    name="levir-cc",
    title="LEVIR-CC",
    reads="LevirCCcaptions.json, or an object of names and sentences; images/SPLIT/A and B",
    licence="academic use, not commercial",
    settings=base.WithImages,
    read=_read,
    annotations="an object whose images have filename, split and sentences",
    recognises=recognises,
)
