"""The operators: what the panel does, for scripts and for FiftyOne's own browser of operators, and what takes longer.

From Python: `foo.execute_operator("@onediff/review/accept", {"dataset": dataset}, params={"sample_ids": [...]})`.
"""

from onediff_fiftyone.app.operators.decide import Accept, EditCaption, Reject, Relabel, Undo
from onediff_fiftyone.app.operators.outcome import ExportReviewed, Summarise
from onediff_fiftyone.app.operators.runs import CompareRuns, RerunPairs

OPERATORS = (Accept, Reject, Undo, EditCaption, Relabel, RerunPairs, CompareRuns, ExportReviewed, Summarise)
