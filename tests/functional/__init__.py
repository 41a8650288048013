"""Functional tests: several modules together on real, small artefacts."""
