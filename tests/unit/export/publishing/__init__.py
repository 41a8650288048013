"""Unit tests of export/publishing."""
