"""Unit tests of export/training; they need torch."""
