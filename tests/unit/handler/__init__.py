"""Unit tests of handler/, one file a module."""
