"""``thinlens models distil`` and ``quantise``: arguments, and what is trained with them.

Whatever trains is imported when it runs. May import every room.
"""
