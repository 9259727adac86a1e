"""Training of the shipped weights, stage by stage."""
