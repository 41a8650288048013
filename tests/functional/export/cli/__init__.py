"""Functional tests of export/cli."""
