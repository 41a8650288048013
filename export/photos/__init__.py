"""Files become pixels and facts.

In come folders, lists and image files; out come ids, hashes, pixels for the captioner, thumbnails, sizes and dates,
and the owner's own columns. formats.py is the table of what can be read. Knows nothing of captions, the library or
bundles. May import `disk`.
"""
