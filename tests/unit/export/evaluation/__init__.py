"""Unit tests of export/evaluation."""
