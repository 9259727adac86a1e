"""What a pair to learn from may hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from onediff_core.data import Sample, SampleRegion


def made(**fields: Any) -> Sample:
    image = np.zeros((4, 6, 3), np.uint8)
    return Sample(**{"before": image, "after": image, "id": "7", "source": "drawn", **fields})


def test_what_is_not_said_is_not_known() -> None:
    sample = made()
    assert sample.masks == {}
    assert sample.regions is None
    assert sample.changed is None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"before": np.zeros((4, 5, 3), np.uint8)}, r"sample '7' of 'drawn': before must be \(4, 6, 3\) uint8"),
        ({"after": np.zeros((4, 6, 3), np.float32)}, r"after must be .* uint8, got \(4, 6, 3\) float32"),
        ({"masks": {"building": np.zeros((4, 6), np.uint8)}}, r"building must be \(4, 6\) bool, got \(4, 6\) uint8"),
        ({"ignore": np.zeros((3, 6), bool)}, r"ignore must be \(4, 6\) bool, got \(3, 6\) bool"),
    ],
)
def test_a_shape_or_type_that_does_not_fit_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        made(**fields)


def test_a_region_needs_a_known_kind_and_a_box_with_an_inside() -> None:
    with pytest.raises(ValueError, match="'built' must be one of added, removed, changed, moved"):
        SampleRegion(kind="built", label="", box=(0, 0, 1, 1))
    with pytest.raises(ValueError, match=r"x0 < x1 and y0 < y1, got \(3, 0, 3, 1\)"):
        SampleRegion(kind="added", label="", box=(3, 0, 3, 1))
