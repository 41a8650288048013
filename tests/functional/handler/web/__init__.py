"""Functional tests of handler/web."""
