"""What is known of the photos, kept between runs: one SQLite file in the output folder.

In come facts, captions, vectors and failures; out come the same, whole, whatever happened in between. library.py opens
it; each *_table.py has the queries of one theme, over database.py; records.py is what goes in and out. Knows rows,
nothing of images, models or bundles. May import `photos`, for the facts of a photo, and `disk`.
"""
