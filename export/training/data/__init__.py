"""What is learnt from: photos, captions and texts, read from the documented layout, and made into examples.

In comes the corpus's folder or a user's own file; out come typed records, augmented pixels and answers to
instructions. Knows nothing of models.
"""
