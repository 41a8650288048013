"""Unit tests of export/cli."""
