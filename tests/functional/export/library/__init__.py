"""Functional tests of export/library."""
