"""What was accepted in a review, written as GeoJSON, GeoParquet or COCO, whole or not at all."""

from onediff_fiftyone.exporting.files import Written
from onediff_fiftyone.exporting.formats import WRITERS, export_accepted

__all__ = ["WRITERS", "Written", "export_accepted"]
