"""The index: one int8 vector for each photo, and the photos whose vectors fit a query best.

In comes a query's vector; out come photo numbers and scores. vector_index.py is the interface, index_kinds.py the
table of its kinds, each of which writes and opens its files of a segment. Knows vectors and photo numbers;
knows nothing of texts or relevance.
"""
