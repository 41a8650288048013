"""Functional tests of export/training: tiny models, trained and shipped for real; they need torch."""
