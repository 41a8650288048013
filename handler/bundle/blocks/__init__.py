"""The large files of segments, of which no byte is used before the block in which it lies has been verified.

Knows files, blocks and hashes; knows nothing of what is in them, or of where they come from.
"""
