"""Functional tests of export/bundles."""
