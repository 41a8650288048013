"""Functional tests of export/evaluation."""
