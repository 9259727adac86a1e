import numpy as np

from onediff_core.training.settling import FACTORS, Finds, best_factor


def box(x0, y0, x1, y1):
    mask = np.zeros((120, 120), bool)
    mask[y0:y1, x0:x1] = True
    return mask


HOUSE, SITE, FIELD = box(50, 50, 60, 60), box(45, 45, 65, 65), box(30, 30, 90, 90)


def test_the_factor_is_the_one_that_leaves_sites_out_and_keeps_fields():
    of_buildings = [Finds(areas=SITE, things=HOUSE, truth=HOUSE)]  # four times as large
    of_land = [Finds(areas=FIELD, things=HOUSE, truth=FIELD)]  # 36 times
    assert best_factor([of_buildings, of_land]) == 4.0


def test_where_every_area_is_right_the_least_is_yielded():
    assert best_factor([[Finds(areas=SITE, things=HOUSE, truth=SITE)]]) == min(FACTORS)
