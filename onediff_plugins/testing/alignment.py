"""Checks of a domain's alignment: what is found where, and what is no pair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest

from onediff_plugins.errors import OneDiffError, PairError, RegistrationError
from onediff_plugins.testing.base import ConformanceTests
from onediff_plugins.testing.checks import grid_points
from onediff_plugins.testing.messages import failure

if TYPE_CHECKING:
    from onediff_plugins.types import Array, Registration


class AlignmentTests(ConformanceTests):
    """Content is found where it lies.

    Attributes:
        whole_shift: (dx, dy) in whole pixels by which the camera is moved.
        fractional_shift: likewise, in quarters of a pixel; for the capability "rigid".
        shift_tolerance_px: how far from the known place any after pixel may be put.
    """

    whole_shift: ClassVar[tuple[int, int]] = (4, -3)
    fractional_shift: ClassVar[tuple[float, float]] = (1.5, -0.75)
    shift_tolerance_px: ClassVar[float] = 0.25

    def test_a_shift_in_whole_pixels_is_recovered(self) -> None:
        """Content that lies elsewhere is found where it went ("rigid" or "pieces")."""
        if self.can("pieces"):
            self._check_pieces()
        elif self.can("rigid"):
            self._check_shift(*self.whole_shift)
        else:
            pytest.skip('the domain claims neither "rigid" nor "pieces": it aligns by size or georeference alone')

    def test_a_shift_of_less_than_a_pixel_is_recovered(self) -> None:
        """A rigid domain aligns to a fraction of a pixel."""
        if not self.can("rigid"):
            pytest.skip('the domain does not claim "rigid"')
        self._check_shift(*self.fractional_shift)

    def _check_shift(self, dx: float, dy: float) -> None:
        _, registration = self.align(self.place(self.draw()), self.place(self.draw(dx, dy)))
        self._check_matrix(registration, dx, dy)

    def _check_matrix(self, registration: Registration, dx: float, dy: float) -> None:
        points = grid_points(*self.size)
        put = registration.to_before(points) - points
        apart = np.hypot(put[:, 0] - dx, put[:, 1] - dy).max()
        middle = put[len(put) // 2]
        assert apart <= self.shift_tolerance_px, failure(
            f"onediff_align_pair of domain {self.domain.name!r} ({registration.method})",
            f"a shift of ({dx:g}, {dy:g}) px came back as ({middle[0]:.2f}, {middle[1]:.2f}) px in the middle, "
            f"and up to {apart:.2f} px off elsewhere",
            expected=f"before = after + ({dx:g}, {dy:g}), to {self.shift_tolerance_px:g} px everywhere",
            do="mind the direction (the matrix carries after pixels to before pixels) and the convention ((0, 0) is "
            "the outer corner of the first pixel); a domain that aligns less well sets `shift_tolerance_px`",
            section="a-known-shift",
        )

    def _check_pieces(self) -> None:
        dx, dy = self.whole_shift
        before, after = self.draw(), self.draw(dx, dy)
        _, registration = self.align(self.place(before), self.place(after))
        content = _textured(after)
        right = np.zeros_like(content)
        for piece in registration.pieces or ():
            if (piece.dx, piece.dy) == (dx, dy):
                right[piece.after_box.slices] = True
        found = float((content & right).sum() / content.sum())
        assert found >= 0.9, failure(
            f"onediff_align_pair of domain {self.domain.name!r} ({registration.method})",
            f"pieces with the shift ({dx}, {dy}) cover {found:.0%} of the content that was shifted by it",
            expected="at least 90%: before = after + (dx, dy)",
            do="give pieces whose dx and dy carry after pixels to before pixels",
            section="a-known-shift",
        )
        result = self.compare(self.place(before), self.place(after))
        others = [region.kind for region in result.regions if region.kind != "moved"]
        assert not others, failure(
            f"domain {self.domain.name!r}",
            f"content that only moved is told as {', '.join(others)}",
            expected='no region, or regions of kind "moved"',
            do="compare what lies in a piece with its own place in the before image (`pair.aligned`)",
            section="a-known-shift",
        )

    def test_a_shift_on_the_map_is_followed(self) -> None:
        """Two pictures whose georeferences are shifted are compared where they lie ("georeferenced")."""
        if not self.can("georeferenced"):
            pytest.skip('the domain does not claim "georeferenced"')
        dx, dy = self.whole_shift
        before = self.source(self.draw(), georef=self.georef())
        after = self.source(self.draw(dx, dy), georef=self.georef(dx, dy))
        _, registration = self.align(before, after)
        self._check_matrix(registration, dx, dy)

    def test_images_of_different_places_are_no_pair(self) -> None:
        """Without overlap there is no answer, rather than a wrong one ("georeferenced" or "rigid", not "pieces")."""
        if self.can("pieces"):
            pytest.skip('any two images may be compared in "pieces"')
        if self.can("georeferenced"):
            far = self.georef(10 * self.size[0], 10 * self.size[1])
            sources = (
                self.source(self.draw(), georef=self.georef()),
                self.source(self.draw(place=1), georef=far),
            )
        elif self.can("rigid"):
            sources = (self.place(self.draw()), self.place(self.draw(place=1)))
        else:
            pytest.skip('the domain claims neither "georeferenced" nor "rigid": it cannot know')
        self._check_no_answer(sources, RegistrationError, "two different places", "different-places")

    def test_images_of_different_size_are_no_pair(self) -> None:
        """Without a georeference unequal sizes have no known relation; "sizes-differ" says that the domain finds it."""
        here = self.draw()
        smaller = np.ascontiguousarray(here[: here.shape[0] * 3 // 4])
        if self.can("sizes-differ"):
            result = self.compare(self.source(smaller), self.source(here))
            assert result.changed is not None, failure(
                f"domain {self.domain.name!r}",
                f"two sizes got no answer: {result.reason}",
                expected='an answer, for the domain claims "sizes-differ"',
                do="align by content, or take the word away",
                section="different-sizes",
            )
            return
        self._check_no_answer((self.source(smaller), self.source(here)), PairError, "two sizes", "different-sizes")

    def _check_no_answer(self, sources: tuple[Any, Any], refusal: type[OneDiffError], what: str, section: str) -> None:
        try:
            result = self.host.compare(*sources, domain=self.domain.name)
        except refusal:
            return
        except OneDiffError as exc:
            came = f"{what} raised {type(exc).__name__}: {exc}"
        else:
            if result.changed is None and result.reason and not result.regions:
                return
            came = f"{what} got changed={result.changed}, reason={result.reason!r}, {len(result.regions)} regions"
        message = failure(
            f"domain {self.domain.name!r}",
            came,
            expected=f"{refusal.__name__}, or changed=None with a reason and no regions",
            do=f"raise onediff_plugins.errors.{refusal.__name__} in onediff_align_pair, or set Registration.unusable",
            section=section,
        )
        raise AssertionError(message)


def _textured(picture: Array) -> Array:
    """(H, W) bool: boxes of 8 px that are not plain."""
    grey = picture.astype(np.float32).reshape(*picture.shape[:2], -1).mean(axis=2)
    high, wide = (side // 8 * 8 for side in grey.shape)
    tiles = grey[:high, :wide].reshape(high // 8, 8, wide // 8, 8)
    rough = tiles.max(axis=(1, 3)) - tiles.min(axis=(1, 3)) > 0.1 * (grey.max() - grey.min())
    content = np.zeros(grey.shape, dtype=np.bool_)
    content[:high, :wide] = np.kron(rough, np.ones((8, 8), dtype=np.bool_))
    return content
