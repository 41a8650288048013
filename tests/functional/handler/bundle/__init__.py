"""Functional tests of handler/bundle."""
