"""What a source of pairs is, and what several of them need."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from onediff_core.data import sources
from onediff_core.data.kinds import kind_of
from onediff_core.data.record import SPLITS, Shade
from onediff_plugins.errors import OneDiffError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from onediff_core.data.record import Picture, Record
    from onediff_core.data.summary import Summary

PICTURE_SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp")

_NEGATED: Final = re.compile(
    r"\b(no|any|not a|t a|cannot spot a) (\w+ ){0,2}(differences?|changes?)\b"
    r"|\bnothing( \w+){0,5} (different|changed|change)\b|\bnothing (is |has )?(different|changed)\b"
    r"|^(?!.*\bnot\b).*\b(images|pictures?|photos|scenes?|both|they|everything)\b.* (identical|same)( as before)?$"
    r"|^(none|same picture)$"
)
_BUT: Final = re.compile(r"\b(except|outside of|aside|apart from|besides|other than|but|however)\b")


class SourceError(OneDiffError, ValueError):
    """A source is not where it was said to be, or is not what it was said to be."""


class SourceSettings(BaseModel):
    """What can be said of a source with `--set KEY=VALUE`; each source derives its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class WithImages(SourceSettings):
    """Of a source whose pictures lie in one folder."""

    images: str = Field(default="images", description="folder of the pictures, below the source's own")


class WithMasks(SourceSettings):
    """Of a source whose masks are single grey pictures."""

    mask_class: str = Field(default="change", min_length=1, description="class of what the masks show")
    values: tuple[int, ...] = Field(default=(), description="grey values that are meant; all but 0 unless given")
    ignored: tuple[int, ...] = Field(default=(), description="grey values that mean nothing")

    def shade(self, picture: Picture) -> Shade:
        """Where a mask means its class; what is ignored does not."""
        meant = self.values or tuple(value for value in range(1, 256) if value not in self.ignored)
        return Shade(picture=picture, values=meant if self.values or self.ignored else ())

    def shade_ignored(self, picture: Picture) -> Shade | None:
        """Where a mask means nothing."""
        return Shade(picture=picture, values=self.ignored) if self.ignored else None


@dataclass(frozen=True, kw_only=True)
class Source:
    """A set of pairs, or a kind of them.

    Attributes:
        name: as on the command line.
        title: as people know it.
        reads: what is read, in a few words.
        licence: of the images, as far as its makers say.
        settings: what can be said of it.
        read: root, annotation files named by the user or none, settings, summary -> records, one at a time.
        annotations: what its annotation files look like, in words; empty where it has none.
        recognises: whether parsed annotations are its own.
        published: whether its splits are a benchmark's, which are kept, and what they share is reported.
        complete: whether its masks show every change there is.
    """

    name: str
    title: str
    reads: str
    licence: str
    read: Callable[[Path, tuple[Path, ...], Any, Summary], Iterator[Record]]
    settings: type[SourceSettings] = SourceSettings
    annotations: str = ""
    recognises: Callable[[Any], bool] = lambda parsed: False
    published: bool = True
    complete: bool = False


def read_json(path: Path) -> Any:
    """A JSON file, which may be gzipped.

    Raises:
        SourceError: it is missing, or is no JSON.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as stream:
            return json.load(stream)
    except FileNotFoundError:
        raise SourceError(f"{path} is not there; name the folder of the set, or the file with --annotations") from None
    except (OSError, EOFError, ValueError) as exc:
        kind = path.suffix != ".gz" and kind_of(path)
        raise SourceError(f"{path} {f'looks like {kind}; it ' if kind else ''}cannot be read as JSON: {exc}") from exc


def annotations_of(source: Source, path: Path) -> Any:
    """An annotation file of a source.

    Raises:
        SourceError: it is another one's; the message says what it looks like.
    """
    parsed = read_json(path)
    if not source.recognises(parsed):
        raise wrong_file(source, path, parsed)
    return parsed


def wrong_file(source: Source, path: Path, parsed: Any) -> SourceError:
    """The error for an annotation file that is not a source's own."""
    named = f"{path} is no annotation file of {source.title}, which is {source.annotations}"
    for name in sources.NAMES:
        other = sources.source(name)
        if other.name != source.name and other.recognises(parsed):
            return SourceError(f"{named}: it looks like one of {other.title}, the source {other.name!r}")
    return SourceError(f"{named}: it is {_described(parsed)}")


def _described(parsed: Any) -> str:
    if isinstance(parsed, dict):
        if isinstance(parsed.get("images"), list) and isinstance(parsed.get("annotations"), list):
            return "a file of COCO's form: an object with images and annotations"
        return f"an object with {_some(parsed)}" if parsed else "an empty object"
    if isinstance(parsed, list):
        first = parsed[0] if parsed else None
        return (
            f"a list of objects with {_some(first)}" if isinstance(first, dict) else f"a list of {len(parsed)} values"
        )
    return f"a single value, {str(parsed)[:40]!r}"


def _some(names: Iterable[Any]) -> str:
    shown = [str(name) for name in names]
    return ", ".join(shown[:6]) + (", ..." if len(shown) > 6 else "")


def split_files(
    root: Path, given: tuple[Path, ...], names: tuple[str, ...] = ("train", "val", "test")
) -> dict[str, Path]:
    """Annotation files by split: those given, else `train.json` and so on, in the folder or in `annotations/`.

    Args:
        root: of the source.
        given: files that the user named; the split is in their names.
        names: of files that are looked for.

    Returns:
        split -> file, in the order train, val, test.

    Raises:
        SourceError: there is none, or a name tells no split.
    """
    if given:
        found = {split_named(path.name, path): path for path in given}
    else:
        folders = (root, root / "annotations")
        places = [folder / f"{name}.json{end}" for name in names for folder in folders for end in ("", ".gz")]
        found = {}
        for path in filter(lambda place: place.is_file(), places):
            found.setdefault(split_named(path.name, path), path)
    if not found:
        raise SourceError(f"{root} has no {', '.join(f'{name}.json' for name in names)}; name them with --annotations")
    return {split: found[split] for split in ("train", "val", "test") if split in found}


def split_named(name: str, path: Path) -> str:
    """The split that a file's name tells.

    Raises:
        SourceError: none.
    """
    for word in re.split(r"[^a-z]+", name.lower()):
        if word in SPLITS:
            return SPLITS[word]
    raise SourceError(f"{path}: its name tells no split: call it train.json, val.json or test.json")


def written(sentences: Iterable[Any], summary: Summary) -> tuple[str, ...]:
    """Sentences without blanks around them; those that are nothing else are dropped and counted."""
    told = [" ".join(str(sentence).split()) for sentence in sentences]
    summary.note("blank sentences dropped", sum(not sentence for sentence in told))
    return tuple(sentence for sentence in told if sentence)


def denies_change(sentence: str) -> bool:
    """Whether a sentence says that nothing differs, as people write it in the known sets."""
    plain = re.sub(r"[^a-z0-9 ]+", " ", sentence.lower()).strip()
    return bool(_NEGATED.search(plain)) and not _BUT.search(plain)


def pictures_by_stem(folder: Path) -> dict[str, Path]:
    """Name without its ending -> picture, of a folder; empty where there is none."""
    if not folder.is_dir():
        return {}
    return {path.stem: path for path in sorted(folder.iterdir()) if path.suffix.lower() in PICTURE_SUFFIXES}


def box_of(xywh: Iterable[Any]) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 in whole pixels, outwards, at least one a side, of x, y, width, height."""
    x, y, width, height = (float(value) for value in xywh)
    x0, y0 = int(x // 1), int(y // 1)
    return x0, y0, max(x0 + 1, -int(-(x + width) // 1)), max(y0 + 1, -int(-(y + height) // 1))
