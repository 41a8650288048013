"""Image files become pixels and facts.

In comes a file; out come pixels for the captioner, a thumbnail, its size, its dates and what is wrong with it.
formats.py is the table of what can be read. Knows nothing of folders, captions, the library or bundles. May import
`disk`.
"""
