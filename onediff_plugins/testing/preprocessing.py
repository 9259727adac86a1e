"""Checks of a domain's preprocessing: pure, deterministic, and the same for a window as for its scene."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from onediff_plugins.testing.base import ConformanceTests
from onediff_plugins.testing.checks import arrays_of, differing
from onediff_plugins.testing.messages import failure
from onediff_plugins.types import Box

if TYPE_CHECKING:
    from onediff_plugins.types import Frame, ImagePair


class PreprocessingTests(ConformanceTests):
    """Both images are made comparable, without a trace in what was given."""

    def test_preprocessing_is_pure_and_deterministic(self) -> None:
        """Same input, same output, input untouched; float32 on the after grid."""
        pair, seen = self.warp(*self.changed_pair())
        given = arrays_of(pair, seen)
        first = self.host.preprocess_pair(self.domain.name, pair, seen)
        where = f"onediff_preprocess_pair of domain {self.domain.name!r}"
        written = differing(given, arrays_of(pair, seen))
        assert not written, failure(
            where,
            f"wrote to its input: {', '.join(written)}",
            expected="a pair with new arrays (dataclasses.replace); arrays are shared with the other stages",
            do="copy before you write",
            section="preprocessing",
        )
        second = self.host.preprocess_pair(self.domain.name, pair, seen)
        unsteady = differing(arrays_of(first), arrays_of(second))
        assert not unsteady, failure(
            where,
            f"two calls with the same input gave different output: {', '.join(unsteady)}",
            expected="the same output for the same input",
            do="keep no state between calls; seed random numbers with a constant",
            section="preprocessing",
        )
        for side, frame in (("after", first.after), ("before_on_after", first.aligned)):
            fits = frame.pixels.dtype == np.float32 and frame.pixels.shape[1:] == pair.after.pixels.shape[1:]
            fits = fits and bool(np.isfinite(frame.pixels[:, frame.valid]).all())
            assert fits, failure(
                where,
                f"{side} is {frame.pixels.dtype} {frame.pixels.shape}",
                expected=f"finite float32 on the after grid, (bands, {pair.after.height}, {pair.after.width})",
                do="keep the grid, and convert with astype(np.float32)",
                section="preprocessing",
            )

    def test_statistics_come_from_the_overview(self) -> None:
        """A window is preprocessed as its scene is; otherwise windows have seams (not for "pieces")."""
        if self.can("pieces"):
            pytest.skip('a domain of "pieces" gets the pair itself as its overview')
        here = self.draw()
        uneven = here.copy()
        dark = uneven[:, : here.shape[1] // 2]
        dark[...] = (dark * 0.3).astype(here.dtype)  # a window there has other statistics than the scene
        pair, seen = self.warp(self.place(uneven), self.place(self.insert(uneven)[0]))
        whole = self.host.preprocess_pair(self.domain.name, pair, seen)
        window = Box(0, 0, pair.after.width // 2, pair.after.height)
        part = self.host.preprocess_pair(self.domain.name, _window(pair, window), seen)
        inner = (slice(None), slice(32, -32), slice(0, window.width - 32))
        apart = max(
            float(np.median(np.abs(a.pixels[(slice(None), *window.slices)][inner] - b.pixels[inner])))
            for a, b in ((whole.after, part.after), (whole.aligned, part.aligned))
        )
        assert apart <= 0.01, failure(
            f"onediff_preprocess_pair of domain {self.domain.name!r}",
            f"a window of a scene comes out otherwise than in the scene, by {apart:.3f} in the median",
            expected="the same values: `pair` may be a window, `overview` is always the whole scene",
            do="take minima, percentiles and fits from `overview`, never from `pair`",
            section="preprocessing",
        )


def _window(pair: ImagePair, box: Box) -> ImagePair:
    """The part of a warped pair inside a box of the after grid."""

    def part(frame: Frame) -> Frame:
        return replace(frame, pixels=frame.pixels[(slice(None), *box.slices)], valid=frame.valid[box.slices])

    unmatched = None if pair.unmatched_after is None else pair.unmatched_after[box.slices]
    return replace(pair, after=part(pair.after), before_on_after=part(pair.aligned), unmatched_after=unmatched)
