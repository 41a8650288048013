"""A picture as the question: what sees it, and what photos are ranked by then.

In come the pixels of a picture, and perhaps texts; out goes what the ranking takes. Knows nothing of how pictures are
decoded or sent. May import the ranking and the query beside it, and `bundle`.
"""
