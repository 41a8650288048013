"""Tests of the static gallery."""
