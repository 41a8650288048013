"""Functional tests of export/gallery."""
