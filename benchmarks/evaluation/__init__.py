"""Scores records and peers against the truth of the real sets; `benchmarks/quality.py` is the command."""
