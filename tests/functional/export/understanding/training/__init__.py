"""Functional tests of captioners that torch runs: tiny ones of each kind, saved as real ones are."""
