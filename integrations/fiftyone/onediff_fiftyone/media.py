"""The files that a browser shows of a pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from onediff_fiftyone import schema
from onediff_plugins.reading import files_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from onediff_plugins.records import ChangeResult


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """What to show of a pair.

    Attributes:
        before: picture of the before image.
        after: picture of the after image.
        before_aligned: the before image on the after grid; None where `before` lies on it.
        mask: 0 or 255 on the after grid, or None.
        score: 0 to 255 on the after grid, or None.
    """

    before: Path
    after: Path
    before_aligned: Path | None = None
    mask: Path | None = None
    score: Path | None = None

    def slices(self) -> Iterator[tuple[str, Path]]:
        """(slice, picture) in the order in which they are added: after last."""
        yield schema.BEFORE, self.before
        if self.before_aligned is not None:
            yield schema.BEFORE_ALIGNED, self.before_aligned
        yield schema.AFTER, self.after


def pictures_of(result: ChangeResult, file: Path) -> Pictures:
    """The pictures of a pair.

    Args:
        result: as it was read.
        file: that it was read from.
    """
    from pathlib import Path

    files = files_of(result, file)
    before = files.get("preview_before", Path(result.before.source))
    after = files.get("preview_after", Path(result.after.source))
    return Pictures(before=before, after=after, mask=files.get("mask"), score=files.get("score"))
