"""Pixels and map positions: (0, 0) is the outer corner of the first pixel."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from onediff_core.heads.grids import image_part, roi_align, to_grid


def ramp(height, width, stride=1):
    """(2, h, w): the x and y of each cell's centre in pixels."""
    x = (torch.arange(width // stride) + 0.5) * stride
    y = (torch.arange(height // stride) + 0.5) * stride
    return torch.stack([x.expand(len(y), -1), y[:, None].expand(-1, len(x))])


def test_the_outer_corners_of_an_image_are_the_ends_of_the_grid():
    points = torch.tensor([[0.0, 0.0], [30.0, 20.0], [15.0, 10.0]])
    assert to_grid(points, (20, 30)).tolist() == [[-1, -1], [1, 1], [0, 0]]


@given(x=st.integers(0, 6), y=st.integers(0, 4))
def test_the_centre_of_a_pixel_reads_that_pixel(x, y):
    feature = torch.randn(1, 1, 5, 7)
    point = to_grid(torch.tensor([[[[x + 0.5, y + 0.5]]]]), (5, 7))
    read = torch.nn.functional.grid_sample(feature, point, align_corners=False)
    torch.testing.assert_close(read.item(), feature[0, 0, y, x].item(), rtol=0, atol=1e-5)


def test_the_box_of_one_pixel_holds_that_pixel():
    feature = torch.randn(3, 8, 8)
    pooled = roi_align(feature, torch.tensor([[5.0, 2.0, 6.0, 3.0]]), (8, 8), size=1, samples=1)
    torch.testing.assert_close(pooled[0, :, 0, 0], feature[:, 2, 5])


@pytest.mark.parametrize("stride", [1, 2, 4])
@given(x=st.floats(4, 12), y=st.floats(4, 8), width=st.floats(0.5, 12), height=st.floats(0.5, 12))
def test_each_cell_of_a_box_is_at_its_own_place(stride, x, y, width, height):
    box = torch.tensor([[x, y, x + width, y + height]])
    pooled = roi_align(ramp(24, 32, stride), box, (24, 32), size=3, samples=2)
    middles = (torch.arange(3) + 0.5) / 3
    torch.testing.assert_close(pooled[0, 0], (x + width * middles).expand(3, 3), rtol=0, atol=1e-3)
    torch.testing.assert_close(pooled[0, 1], (y + height * middles)[:, None].expand(3, 3), rtol=0, atol=1e-3)


def test_boxes_keep_their_order_and_there_may_be_none():
    boxes = torch.tensor([[1.0, 1, 5, 5], [3, 3, 4, 4]])
    both = roi_align(ramp(8, 8), boxes, (8, 8), size=2, samples=2)
    second = roi_align(ramp(8, 8), boxes[1:], (8, 8), size=2, samples=2)
    torch.testing.assert_close(both[1:], second)
    assert roi_align(ramp(8, 8), torch.zeros(0, 4), (8, 8), size=2, samples=2).shape == (0, 2, 2, 2)


def test_beyond_the_map_its_edge_is_repeated():
    pooled = roi_align(ramp(8, 8), torch.tensor([[-20.0, 3.0, -10.0, 4.0]]), (8, 8), size=1, samples=1)
    assert pooled.flatten().tolist() == [0.5, 3.5]


def test_gradients_are_those_of_finite_differences():
    feature = torch.randn(2, 5, 6, dtype=torch.float64, requires_grad=True)
    boxes = torch.tensor([[0.3, 1.1, 4.2, 4.6]], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda value: roi_align(value, boxes, (5, 6), size=2, samples=2), feature)


def test_a_map_of_whole_cells_covers_more_than_the_image():
    part, extent = image_part(torch.zeros(1, 8, 4), 4, (30, 16), (30, 16))
    assert (part.shape, extent) == ((1, 8, 4), (32, 16))


def test_the_cells_of_padding_are_left_out():
    part, extent = image_part(torch.zeros(1, 8, 4), 4, (32, 16), (17, 16))
    assert (part.shape, extent) == ((1, 5, 4), (20, 16))


def test_any_other_map_covers_the_image_as_it_is():
    part, extent = image_part(torch.zeros(1, 7, 4), 4, (30, 16), (20, 16))  # a tower that drops the rest
    assert (part.shape, extent) == ((1, 7, 4), (30, 16))
