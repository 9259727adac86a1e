"""Triples of an image, an order and the edited image, as InstructPix2Pix (Brooks et al., CVPR 2023) publishes them.

Two forms: Parquet as the hub holds it, and the folders of the first release, `ID/prompt.json` with `SEED_0.jpg` and
`SEED_1.jpg`. What both images show is kept in `meta` where the set says it: difference captions can be made from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from onediff_core.data.record import Record
from onediff_core.data.sources import base, tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from onediff_core.data.record import Picture
    from onediff_core.data.summary import Summary

_BEFORE: Final = ("original_image", "input_image")
_PROMPT: Final = "prompt.json"


def _read(root: Path, given: tuple[Path, ...], settings: base.SourceSettings, summary: Summary) -> Iterator[Record]:
    if not given and root.is_dir() and next(root.glob(f"*/{_PROMPT}"), None):
        yield from _of_folders(root, summary)
        return
    for path in tables.tables(root, given):
        for number, row in enumerate(tables.rows(SOURCE, path, ("edit_prompt", "edited_image"))):
            column = next((name for name in _BEFORE if name in row), None)
            if column is None:
                raise base.SourceError(f"{path} is no file of {SOURCE.title}: it lacks the column original_image")
            yield _record(
                f"{path.stem}-{number:06d}",
                (tables.picture(row, column, path), tables.picture(row, "edited_image", path)),
                (row["edit_prompt"], row.get("original_prompt"), row.get("edited_prompt")),
                summary,
                split=tables.split_of(path),
            )


def _of_folders(root: Path, summary: Summary) -> Iterator[Record]:
    for file in sorted(root.glob(f"*/{_PROMPT}")):
        prompt = base.read_json(file)
        if not isinstance(prompt, dict) or "edit" not in prompt:
            raise base.wrong_file(SOURCE, file, prompt)
        texts = (prompt["edit"], prompt.get("caption", prompt.get("input")), prompt.get("output"))
        for before in sorted(file.parent.glob("*_0.jpg")):
            seed = before.stem.removesuffix("_0")
            pictures = (before, before.with_name(f"{seed}_1.jpg"))
            yield _record(f"{file.parent.name}-{seed}", pictures, texts, summary, group=file.parent.name)


def _record(
    identity: str,
    pictures: tuple[Picture, Picture],
    texts: tuple[Any, Any, Any],
    summary: Summary,
    *,
    split: str = "",
    group: str = "",
) -> Record:
    order, shown_before, shown_after = texts
    shown = {"caption_before": shown_before, "caption_after": shown_after}
    return Record(
        id=identity,
        before=pictures[0],
        after=pictures[1],
        captions=base.written([order or ""], summary),
        changed=True,
        task="edit",
        domain="photo",
        source=SOURCE.name,
        licence=SOURCE.licence,
        split=split,
        group=group,
        meta={name: text for name, text in shown.items() if text},
    )


SOURCE: Final = base.Source(
    name="instructpix2pix",
    title="InstructPix2Pix",
    reads="Parquet with original_image or input_image, edit_prompt, edited_image; or ID/prompt.json, SEED_0.jpg, "
    "SEED_1.jpg",
    licence="not stated; images made by Stable Diffusion 1.5",
    read=_read,
    annotations="a prompt.json with caption, edit and output",
)
