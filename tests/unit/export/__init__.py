"""Unit tests of export/, one file a module."""
