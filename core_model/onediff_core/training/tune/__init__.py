"""Coupled Sample Training and multi-task tuning of a OneDiff of pretrained parts, from a recipe."""
