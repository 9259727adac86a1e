"""Scores of answers to pairs, by protocol; `onediff eval` is the command, docs/evaluation.md the page.

Parts are imported from their modules: reading answers needs no torch, and counting needs no captions.
"""
