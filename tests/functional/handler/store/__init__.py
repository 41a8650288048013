"""Functional tests of handler/store."""
