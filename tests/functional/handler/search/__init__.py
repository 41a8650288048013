"""Functional tests of handler/search."""
