from __future__ import annotations

import numpy as np
import pytest

from evaluation.images import image_size, read_image, write_image


def test_what_is_written_is_read(tmp_path):
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    path = write_image(tmp_path / "a.png", pixels)
    np.testing.assert_array_equal(read_image(path), pixels)
    assert image_size(path) == (2, 4)


@pytest.mark.parametrize(("content", "what"), [(None, "is missing"), (b"no image", "cannot be decoded")])
def test_a_file_that_is_no_image_is_named_with_what_to_do(tmp_path, content, what):
    path = tmp_path / "a.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SystemExit, match=rf"a\.png {what}: put it back as its set has it"):
        read_image(path)


def test_a_folder_that_is_not_there_is_said(tmp_path):
    with pytest.raises(SystemExit, match="cannot be written"):
        write_image(tmp_path / "no" / "a.png", np.zeros((2, 2), np.uint8))
