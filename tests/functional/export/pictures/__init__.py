"""Functional tests of export/pictures."""
