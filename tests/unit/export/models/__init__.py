"""Unit tests of export/models."""
