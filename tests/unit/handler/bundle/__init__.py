"""Unit tests of handler/bundle."""
