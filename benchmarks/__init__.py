"""Benchmarks: everything as a ratio to a floor that is measured beside it. Start with `python benchmarks/run.py --help`."""
