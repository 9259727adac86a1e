"""WUICC: screenshots of generated web pages, one edit and one sentence a pair; the HTML beside them is not read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from onediff_core.data.record import Record
from onediff_core.data.sources import base

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from onediff_core.data.summary import Summary


def _read(root: Path, given: tuple[Path, ...], settings: base.SourceSettings, summary: Summary) -> Iterator[Record]:
    folders = [folder for folder in (root / name for name in ("train", "val", "test")) if folder.is_dir()]
    if not folders:
        raise base.SourceError(f"{root} has no folder train, val or test with NAME.png, NAME_1.png and NAME.txt")
    for folder in folders:
        for text in sorted(folder.glob("*.txt")):
            told = base.written([text.read_text(encoding="utf-8")], summary)
            yield Record(
                id=f"{folder.name}-{text.stem}",
                before=text.with_suffix(".png"),
                after=text.with_name(f"{text.stem}_1.png"),
                captions=told,
                changed=not base.denies_change(told[0]) if told else None,
                task="caption",
                domain="ui",
                source=SOURCE.name,
                licence=SOURCE.licence,
                split=folder.name,
            )


SOURCE: Final = base.Source(
    name="wuicc",
    title="WUICC",
    reads="SPLIT/NAME.png, NAME_1.png and NAME.txt",
    licence="CC-BY-4.0",
    read=_read,
)
