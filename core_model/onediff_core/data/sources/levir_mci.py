"""LEVIR-MCI (Liu et al., TGRS 2024): LEVIR-CC with masks of roads and buildings that changed.

A few percent of its pairs contradict themselves: the flag says unchanged where there is a mask, or the other way round.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from onediff_core.data.record import Shade
from onediff_core.data.sources import base, levir_cc

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from onediff_core.data.record import Record
    from onediff_core.data.summary import Summary

SHADES: Final = {"road": 128, "building": 255}


def _read(root: Path, given: tuple[Path, ...], settings: base.WithImages, summary: Summary) -> Iterator[Record]:
    for record in levir_cc.records(SOURCE, root, given, settings, summary):
        after = root / settings.images / record.split / "B" / f"{record.id}.png"
        label = after.parent.parent / "label" / after.name
        yield replace(record, masks={name: Shade(picture=label, values=(grey,)) for name, grey in SHADES.items()})


SOURCE: Final = base.Source(
    name="levir-mci",
    title="LEVIR-MCI",
    reads="LevirCCcaptions.json; images/SPLIT/A, B and label (128 road, 255 building)",
    licence="academic use, not commercial",
    settings=base.WithImages,
    read=_read,
    annotations="that of LEVIR-CC",
    recognises=levir_cc.recognises,
    complete=True,
)
