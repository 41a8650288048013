"""Functional tests of export/storage."""
