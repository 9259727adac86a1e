from __future__ import annotations

import numpy as np

from onediff_ui.columns import Columns
from onediff_ui.layout import Segment


def test_rows_that_were_recoloured_are_matched_in_place_however_little_they_would_cost_to_lose() -> None:
    # Rows 20 to 60 are plain and of another colour; a row that came in pushed down what is below 200 by 46.
    height = 400
    still, down, lost = np.zeros((height, 1)), np.full((height, 1), 300.0), np.full((height, 1), 100.0)
    still[20:60] = 2000
    still[200:] = 300
    down[246:] = 0
    lost[20:60] = 10
    columns = Columns(
        dy=[0, -46],
        mismatch=np.stack([still, down]),
        insert=lost,
        remove=lost,
        steps=np.zeros((height, 1)),
        switch=6000,
    )
    ((_, path),) = columns.paths([(0, 1)])
    assert path == [Segment(0, 200, 0), Segment(246, 400, 1)]
