"""Unit tests of export/photos."""
