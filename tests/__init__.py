"""Tests of Thinlens; README.md in this folder says which are which and how to run each."""
