"""Fitting: a decoded picture becomes the numbers that a model takes, cropped, squashed or padded as the model wants it.

In come pictures; out come arrays. Imports Pillow and numpy alone.
"""
