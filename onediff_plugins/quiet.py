"""What reaches stderr: our own lines; what libraries tell developers only when it is asked for."""

from __future__ import annotations

import logging
import sys
import warnings
from typing import Final

OURS: Final = "onediff_plugins"


def quiet_libraries(*, verbose: bool = False) -> None:
    """Set up logging and warnings of a process that is ours: the command line, or a worker of it.

    Args:
        verbose: show what everybody logs from INFO on, and warnings.
    """
    # Damaged files make rasterio log and Pillow warn beside the one error that says what to do.
    logging.basicConfig(stream=sys.stderr, level=logging.INFO if verbose else logging.ERROR, format="%(message)s")
    logging.getLogger(OURS).setLevel(logging.INFO if verbose else logging.WARNING)
    if not verbose and not sys.warnoptions:
        warnings.simplefilter("ignore")
