"""Unit tests of export/bundles."""
