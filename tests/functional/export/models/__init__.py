"""Functional tests of export/models."""
