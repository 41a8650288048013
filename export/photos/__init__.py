"""The user's photos: which there are, and what is known of them before anybody looks.

In come folders, lists and tables; out come ids in one Unicode form, hashes, the owner's own columns, and where
thumbnails lie. Knows nothing of captions, the library or bundles. May import `pictures` and `disk`.
"""
