"""Benchmarks; `make bench` runs them. They are measured, not asserted, and pytest does not collect them."""
