"""Unit tests of handler/store."""
