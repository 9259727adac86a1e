"""Checks of a domain's answer: the verdict, the regions and the record."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
import shapely

from onediff_plugins.records import ChangeResult
from onediff_plugins.regions import areas_m2, map_polygons
from onediff_plugins.testing.base import ConformanceTests
from onediff_plugins.testing.checks import comparable, region_problems
from onediff_plugins.testing.messages import failure
from onediff_plugins.types import Box


class AnswerTests(ConformanceTests):
    """What changed is said, and nothing else.

    Attributes:
        min_iou: least overlap of the region with the rectangle that was inserted, as intersection over union.
    """

    min_iou: ClassVar[float] = 0.5

    def test_identical_images_are_unchanged(self) -> None:
        """The same picture twice: not changed, no regions."""
        result = self.compare(self.place(self.draw()), self.place(self.draw()))
        assert result.changed is False, self._answer_failure(result, "the same picture twice", "changed=False")
        assert not result.regions, self._answer_failure(result, "the same picture twice", "no regions")

    def test_an_inserted_rectangle_is_one_region(self) -> None:
        """One thing that is new is one region, where it is."""
        here = self.draw()
        after, box = self.insert(here)
        result = self.compare(self.place(here), self.place(after))
        assert result.changed is True, self._answer_failure(result, "an inserted rectangle", "changed=True")
        assert len(result.regions) == 1, self._answer_failure(result, "an inserted rectangle", "one region")
        geometry, drawn = result.regions[0].geometry, shapely.box(*box)
        iou = float(shapely.area(geometry & drawn) / shapely.area(geometry | drawn))
        assert iou >= self.min_iou, self._answer_failure(
            result,
            f"a rectangle inserted at {tuple(box)}",
            f"a region that covers it with an IoU of at least {self.min_iou:g}, not {iou:.2f}",
        )

    def _answer_failure(self, result: ChangeResult, what: str, expected: str) -> str:
        regions = ", ".join(f"{r.kind} {r.geometry.bounds}" for r in result.regions[:5]) or "none"
        more = f" and {len(result.regions) - 5} more" if len(result.regions) > 5 else ""
        came = f"{what}: changed={result.changed}, reason={result.reason!r}, regions: {regions}{more}"
        return failure(
            f"domain {result.domain!r}, detector {result.detector!r}",
            came,
            expected=expected,
            do="look at the score map (result.change.score); where the drawn pictures do not suit your domain, override"
            " `draw` or `insert`",
            section="the-answer",
        )

    def test_regions_are_valid_and_inside(self) -> None:
        """Rectangles in two corners and at the middle of a side: regions stay inside, with all that the record asks."""
        here = self.draw()
        width, height = self.size
        after = here
        for box in (
            Box(0, 0, width // 6, height // 6),
            Box(width - width // 5, height - height // 7, width, height),
            Box(width - width // 8, height // 3, width, height // 2),
        ):
            after, _ = self.insert(after, box)
        result = self.compare(self.place(here), self.place(after))
        assert result.regions, self._answer_failure(result, "three inserted rectangles", "regions")
        problems = region_problems(result, self.domain, self.host.settings(self.domain.name).threshold)
        assert not problems, failure(
            f"regions of domain {self.domain.name!r}, detector {result.detector!r}",
            "; ".join(problems[:5]),
            expected="valid polygons inside the after image, boxes inside their images, kinds and labels of the domain",
            do="clip to the after grid; list kinds and labels in DomainSpec",
            section="regions",
        )

    def test_regions_lie_on_the_map(self) -> None:
        """Regions of a georeferenced pair have map coordinates and an area in square metres ("georeferenced")."""
        if not self.can("georeferenced"):
            pytest.skip('the domain does not claim "georeferenced"')
        result = self.compare(*self.changed_pair())
        assert result.regions, self._answer_failure(result, "an inserted rectangle", "a region")
        assert result.georef is not None, failure(
            f"onediff_load_pair of domain {self.domain.name!r}",
            "the record of a georeferenced pair has no georeference",
            expected="frames with the georeference of their sources",
            do="keep Frame.georef",
            section="regions",
        )
        georef = self.georef()
        for region in result.regions:
            area, polygon = region.attributes.get("area_m2"), region.map_polygon
            (wanted,) = areas_m2([region.geometry], georef)
            (place,) = map_polygons([region.geometry], georef)
            fits = polygon is not None and polygon.centroid.distance(place.centroid) < 1e-5  # about a metre
            fits = fits and area is not None and abs(area / wanted - 1) < 0.01
            assert fits, failure(
                f"regions of domain {self.domain.name!r}",
                f"a region of {wanted} m2 at {place.centroid} has area_m2={area}, map_polygon={polygon}",
                expected="attributes.area_m2, and map_polygon in EPSG:4326, longitude first",
                do="leave both to the host; do not take them away in onediff_refine_result",
                section="regions",
            )

    def test_a_frame_without_valid_pixels_is_undecided(self) -> None:
        """Where nothing can be compared, nothing is said: changed is null with a reason."""
        here = self.draw()
        nothing = np.zeros(here.shape[:2], dtype=np.bool_)
        for side, sources in (
            ("after", (self.place(here), self.place(here, valid=nothing))),
            ("before", (self.place(here, valid=nothing), self.place(here))),
        ):
            result = self.compare(*sources)
            fits = result.changed is None and result.reason and result.caption and not result.regions
            assert fits, self._answer_failure(
                result, f"no valid pixel in the {side} image", "changed=None with a reason and a caption, no regions"
            )

    def test_invalid_pixels_are_never_a_change(self) -> None:
        """Nodata, cloud or a masked part may hold anything."""
        here = self.draw()
        masked, box = self.insert(here)
        valid = np.ones(here.shape[:2], dtype=np.bool_)
        valid[box.slices] = False
        result = self.compare(self.place(here), self.place(masked, valid=valid))
        assert result.changed is False, self._answer_failure(
            result, f"a rectangle inserted at {tuple(box)} that is not valid", "changed=False, no regions"
        )

    def test_the_same_pair_gives_the_same_result(self) -> None:
        """Records of two runs are equal but for their timings."""
        pair = self.changed_pair()
        first, second = (comparable(self.compare(*pair)) for _ in range(2))
        changed = sorted(key for key in first if first[key] != second.get(key))
        assert not changed, failure(
            f"domain {self.domain.name!r}",
            f"two runs of one pair differ in {', '.join(changed)}",
            expected="equal records but for timings_ms",
            do="seed random numbers with a constant, and keep no state from one pair to the next",
            section="the-record",
        )

    def test_the_record_survives_json(self) -> None:
        """What is written can be read back, and is the same."""
        result = self.compare(*self.changed_pair())
        where = f"record of domain {self.domain.name!r}"
        advice = {
            "expected": "a record that JSON can hold: numbers, texts, lists and mappings; no NaN, no arrays",
            "do": "give plain Python values in `attributes`: float(x), array.tolist()",
            "section": "the-record",
        }
        try:
            text = result.model_dump_json()
            back = ChangeResult.model_validate_json(text)
        except ValueError as exc:  # pydantic's word for what is not JSON, and for what is not a record
            raise AssertionError(failure(where, f"{exc}", **advice)) from exc
        lost = sorted(
            f"regions[{index}].{key}"
            for index, (one, other) in enumerate(zip(result.regions, back.regions, strict=True))
            for key in type(one).model_fields
            if key not in ("geometry", "map_polygon") and getattr(one, key) != getattr(other, key)
        )
        assert not lost, failure(where, f"{', '.join(lost)} come back otherwise than they were written", **advice)
        assert comparable(back) == comparable(result), failure(where, "it comes back as another record", **advice)
