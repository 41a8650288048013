"""A question in, photos out, each with its relevance.

In come a bundle, a query, filters and how many photos are wanted; out go the answers that clients get, as the shapes
in answers.py. Knows nothing of HTTP or of where the bundle came from. May import `bundle`.
"""
