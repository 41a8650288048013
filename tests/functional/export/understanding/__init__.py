"""Functional tests of export/understanding."""
