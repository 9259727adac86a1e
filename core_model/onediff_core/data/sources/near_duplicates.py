"""Pairs of nearly the same picture, found in a folder by how close a vision model puts them.

This is how DiffCap found its real pairs. The search is exact: every picture is held against every other, block by
block, so nothing is missed and no index is built.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from pydantic import Field, model_validator

from onediff_core.data.record import Record, opened
from onediff_core.data.sources import base
from onediff_plugins.errors import PairError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from onediff_core.data.summary import Summary

CAPTIONS: Final = "metadata.jsonl"
_BLOCK: Final = 1024


class Settings(base.SourceSettings):
    """What looks, and how near is near."""

    model: str = Field(default="", description="folder or hub id of any vision model of transformers")
    low: float = Field(default=0.85, ge=-1, le=1, description="least cosine similarity of a pair")
    high: float = Field(default=0.995, ge=-1, le=1, description="greatest; what is above is a copy")
    neighbours: int = Field(default=1, ge=1, description="of each picture that are looked at")
    batch: int = Field(default=16, ge=1, description="pictures at a time")
    device: str = Field(default="cpu", description="any torch device")
    domain: str = Field(default="photo", description="of the pairs")
    licence: str = Field(default="", description="of the pictures")

    @model_validator(mode="after")
    def _ordered(self) -> Settings:
        if self.low > self.high:
            raise ValueError(f"low is {self.low}, which is above high, {self.high}")
        return self


def _read(root: Path, given: tuple[Path, ...], settings: Settings, summary: Summary) -> Iterator[Record]:
    if not settings.model:
        raise base.SourceError("near-duplicates needs a vision model: --set model=FOLDER_OR_HUB_ID")
    files = [path for path in sorted(root.rglob("*")) if path.suffix.lower() in base.PICTURE_SUFFIXES]
    kept, vectors = embedded(files, settings, summary)
    if len(kept) < 2:
        raise base.SourceError(f"{root} holds {len(kept)} pictures that can be read: a pair needs two")
    near = neighbours(vectors, settings.low, settings.high, settings.neighbours)
    summary.note("pictures looked at", len(kept))
    groups, captions = _groups(len(kept), [(one, other) for one, other, _ in near]), _captions(root)
    names = [path.relative_to(root).as_posix() for path in kept]
    for one, other, similarity in near:
        told = {"caption_before": captions.get(names[one]), "caption_after": captions.get(names[other])}
        yield Record(
            id=f"{names[one]}|{names[other]}",
            before=kept[one],
            after=kept[other],
            domain=settings.domain,
            source=SOURCE.name,
            licence=settings.licence,
            group=names[groups[one]],
            meta={"similarity": round(similarity, 4)} | {name: text for name, text in told.items() if text},
        )


def embedded(files: Sequence[Path], settings: Settings, summary: Summary) -> tuple[list[Path], NDArray[np.float32]]:
    """One vector of length 1 a picture.

    Args:
        files: pictures; those that cannot be read are left out and named.
        settings: model, batch and device.
        summary: is told of pictures that cannot be read.

    Returns:
        The pictures that could be read, and (N, C) float32.
    """
    import torch
    from transformers import AutoImageProcessor, AutoModel

    from onediff_core.checkpoint import no_bars

    try:
        with no_bars():
            model = AutoModel.from_pretrained(settings.model).to(settings.device).eval()
            processor = AutoImageProcessor.from_pretrained(settings.model, backend="pil")
    except (OSError, ValueError) as exc:
        raise base.SourceError(f"{settings.model} is no vision model of transformers: {exc}") from exc
    kept: list[Path] = []
    vectors: list[NDArray[np.float32]] = []
    for start in range(0, len(files), settings.batch):
        images = []
        for path in files[start : start + settings.batch]:
            try:
                images.append(opened(path).convert("RGB"))
            except (PairError, OSError) as exc:
                summary.seen += 1
                summary.leave_out(str(path), "broken", str(exc))
            else:
                kept.append(path)
        if images:
            pixels = processor(images=images, return_tensors="pt")["pixel_values"].to(settings.device)
            with torch.inference_mode():
                pooled = _pooled(model, pixels).float()
            vectors.append(torch.nn.functional.normalize(pooled, dim=-1).cpu().numpy())
    return kept, np.concatenate(vectors) if vectors else np.zeros((0, 1), np.float32)


def _pooled(model: Any, pixels: Any) -> Any:
    """What a model of two towers says of an image, else its pooled or mean state."""
    import torch

    out = model.get_image_features(pixels) if hasattr(model, "get_image_features") else model(pixels)
    if isinstance(out, torch.Tensor):
        return out
    if getattr(out, "pooler_output", None) is not None:
        return out.pooler_output.flatten(1)
    states = out.last_hidden_state
    return states.flatten(2).mean(2) if states.ndim == 4 else states.mean(1)


def neighbours(vectors: NDArray[np.float32], low: float, high: float, count: int) -> list[tuple[int, int, float]]:
    """Pairs of near vectors, each once.

    Args:
        vectors: (N, C), each of length 1.
        low: least cosine similarity.
        high: greatest.
        count: nearest others of each vector, of those up to `high`, that are looked at.

    Returns:
        Two numbers, the smaller first, and their similarity, in the order of the numbers.
    """
    import torch

    found: dict[tuple[int, int], float] = {}
    every = torch.tensor(vectors)
    count = min(count, len(vectors) - 1)
    for start in range(0, len(vectors), _BLOCK):
        block = every[start : start + _BLOCK] @ every.T  # (B, N)
        block.diagonal(start).fill_(-torch.inf)
        block.masked_fill_(block > high, -torch.inf)
        similarity, nearest = block.topk(count, dim=1)  # (B, count)
        for row, place in torch.nonzero(similarity >= low).tolist():
            one, other = start + row, int(nearest[row, place])
            found[min(one, other), max(one, other)] = float(similarity[row, place])
    return [(one, other, similarity) for (one, other), similarity in sorted(found.items())]


def _groups(count: int, pairs: Sequence[tuple[int, int]]) -> list[int]:
    """The smallest number that each one is connected to: pictures of one group are never split."""
    root = list(range(count))

    def find(number: int) -> int:
        while root[number] != number:
            root[number] = root[root[number]]
            number = root[number]
        return number

    for one, other in pairs:
        first, second = sorted((find(one), find(other)))
        root[second] = first
    return [find(number) for number in range(count)]


def _captions(root: Path) -> dict[str, str]:
    """File -> caption, of a metadata.jsonl with file_name and text, as image folders of `datasets` have it."""
    path = root / CAPTIONS
    if not path.is_file():
        return {}
    try:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        return {row["file_name"]: str(row["text"]) for row in rows if row.get("text")}
    except (ValueError, KeyError, TypeError) as exc:
        raise base.SourceError(f"{path} is no list of file_name and text: {exc!r}") from exc


SOURCE: Final = base.Source(
    name="near-duplicates",
    title="near-duplicate pictures of a folder",
    reads="pictures, and metadata.jsonl with file_name and text where there is one",
    licence="as you say",
    settings=Settings,
    read=_read,
    published=False,
)
