"""Functional tests of export/conversion."""
