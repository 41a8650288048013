"""Unit tests of export/pictures."""
