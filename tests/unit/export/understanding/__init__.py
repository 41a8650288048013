"""Unit tests of export/understanding."""
