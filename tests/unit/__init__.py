"""Unit tests: one module each, no network, no server, at most a temporary folder."""
