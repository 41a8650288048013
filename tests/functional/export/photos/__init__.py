"""Functional tests of export/photos."""
