"""Unit tests of export/conversion."""
