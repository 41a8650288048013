"""Unit tests of export/cluster."""
