"""Unit tests of handler/web."""
