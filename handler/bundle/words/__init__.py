"""The words of photos: what people and captions say of each, its name, and the text that stands in it, word by word.

In comes a segment's words file, mapped; out go the photos in which words stand, and in which of their texts. Knows
words and photo numbers; knows nothing of vectors or relevance. May import `blocks`, `photos` and what lies beside them.
"""
