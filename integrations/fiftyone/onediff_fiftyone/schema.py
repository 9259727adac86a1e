"""Every name in a review dataset, in one place: slices, fields, attributes of regions, states of a decision.

A dataset is grouped by `PAIR`: one group per record, one sample per picture. Whatever was found and decided is on the
slice `AFTER`, on its pixels. Boxes and points are relative to the picture, in [0, 1], as FiftyOne has them.
"""

from __future__ import annotations

from typing import Final

SCHEMA: Final = "onediff.fiftyone/1"
# Where a dataset says that it is ours: `dataset.info[INFO] = {"schema": SCHEMA, ...}`.
INFO: Final = "onediff"

# --- slices -----------------------------------------------------------------------------------------------------

PAIR: Final = "pair"  # the group field
BEFORE: Final = "before"
AFTER: Final = "after"  # the default slice, and the one that carries the labels
BEFORE_ALIGNED: Final = "before_aligned"  # the before image on the after grid; only where the two grids differ

# --- fields of every slice --------------------------------------------------------------------------------------

PAIR_ID: Final = "pair_id"  # the record's id
SOURCE: Final = "source"  # path or URL of this side's image as it was compared; `filepath` is what a browser shows
CAPTURED_AT: Final = "captured_at"

# --- fields of `before` -----------------------------------------------------------------------------------------

REMOVED: Final = "removed"  # Detections: regions of kind "removed", where they were in the before image

# --- fields of `after`: what was found --------------------------------------------------------------------------

CHANGES: Final = "changes"  # Detections, with the attributes below
CHANGE_MASK: Final = "change_mask"  # Segmentation by file: 0 or 255
CHANGE_SCORE_MAP: Final = "change_score_map"  # Heatmap by file: 0 to 255
POLYGONS: Final = "polygons"  # Polylines: outlines of the regions
CAPTION: Final = "caption"  # may be edited; the model's own words stay in MODEL_CAPTION
MODEL_CAPTION: Final = "model_caption"
CAPTION_SOURCE: Final = "caption_source"
CHANGE_SCORE: Final = "change_score"
CHANGED: Final = "changed"  # the verdict; None, with a REASON, where it could not be decided
REASON: Final = "reason"
VALID_FRACTION: Final = "valid_fraction"
REGION_COUNT: Final = "region_count"
LOCATION: Final = "location"  # GeoLocation: centre and footprint, EPSG:4326

# --- fields of `after`: where it comes from ---------------------------------------------------------------------

DOMAIN: Final = "domain"
DETECTOR: Final = "detector"
MODEL: Final = "model"  # name of the model that detected, with its revision: "onediff-tiny@1"
PLUGINS: Final = "plugins"  # list of "distribution version"
GRID: Final = "grid"  # columns and rows of the after grid; pictures may be smaller
WINDOW: Final = "window"  # box of the after source that was compared: x0, y0, x1, y1
CRS: Final = "crs"
TRANSFORM: Final = "transform"  # a, b, c, d, e, f of the after grid
REGISTRATION_METHOD: Final = "registration_method"
REGISTRATION_RESIDUAL: Final = "registration_residual_px"
REGISTRATION_OVERLAP: Final = "registration_overlap"
MATRIX: Final = "registration_matrix"  # nine numbers, row by row: after pixel -> before pixel
META: Final = "meta"  # further columns of a batch's list, as an embedded document: "meta.place"
RECORD: Final = "record"  # path of the file that holds the record
RECORD_DIGEST: Final = "record_digest"  # of the record as imported; how a second import knows what is unchanged

# --- fields of `after`: what people decided ---------------------------------------------------------------------

REVIEW: Final = "review"  # Classification, one of REVIEW_STATES
REVIEWED_AT: Final = "reviewed_at"
REVIEWED_BY: Final = "reviewed_by"  # None where FiftyOne does not know who it is
REVIEW_HISTORY: Final = "review_history"  # list of decisions, the last of which can be undone; see history.py
REVIEW_OUTDATED: Final = "review_outdated"  # true where the record changed after somebody had decided

PENDING: Final = "pending"
ACCEPTED: Final = "accepted"
REJECTED: Final = "rejected"
REVIEW_STATES: Final = (PENDING, ACCEPTED, REJECTED)

# --- attributes of each detection of CHANGES, REMOVED and of each polyline of POLYGONS --------------------------
# Beside FiftyOne's own: `label` is the region's label, or its kind where it has none; `confidence` its score. Scalar
# `attributes` of the record's region, such as area_m2, become attributes of the detection under their own names.

REGION_ID: Final = "region_id"  # number in the record, from 1; None for a region that somebody drew
KIND: Final = "kind"  # added, removed, changed, moved
REGION_CAPTION: Final = "caption"
AREA_PX: Final = "area_px"
MODEL_LABEL: Final = "model_label"  # what the label was before anybody changed it
MODEL_REGION_CAPTION: Final = "model_caption"
REGION_REVIEW: Final = "review"  # one of REVIEW_STATES, as text; CHANGES only
ORPHANED: Final = "orphaned"  # true for a region with a decision that the newer record no longer has; CHANGES only

# --- what other runs found on the same pairs: fields of `after`, made by comparing or re-running ------------------

RUN: Final = "run_"  # run_NAME: Detections; run_NAME_agreement: F1 of its regions with `changes`, in [0, 1]
