"""Tests of how pictures are fitted to models."""
