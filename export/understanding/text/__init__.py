"""Text: what can be read in photos, by a reader of text that somebody else has trained.

Pixels come in, lines with their places go out into the library. It imports what understanding, the library and pictures
have.
"""
