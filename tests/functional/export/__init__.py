"""Functional tests of export/: from photos to a bundle that answers."""
