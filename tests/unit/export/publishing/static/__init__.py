"""Unit tests of the static gallery."""
