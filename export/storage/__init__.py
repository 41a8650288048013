"""Objects by key, in a folder or in S3, behind one interface.

In come files and addresses; out come objects that are there whole or not at all, and conditional writes. Knows
nothing of bundles. object_store.py is the interface, schemes.py the table of its kinds. May import `photos`, for
media types and stamps, and `disk`.
"""
