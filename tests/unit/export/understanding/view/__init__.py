"""Unit tests of export/understanding/view."""
