"""Functional tests of export/publishing."""
