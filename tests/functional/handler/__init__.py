"""Functional tests of handler/: bundles, searches and HTTP answers."""
