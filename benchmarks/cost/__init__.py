"""What the core model costs in time and memory; `benchmarks/core_model.py` is the command."""
