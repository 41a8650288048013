"""Near-duplicates: which contents are groups, brought up to date as contents come and go.

In come the contents that are there from now on and those that are there no more; out come the groups in the library.
duplicates.py is the way in; group_settling.py settles the few that have changed, whole_grouping.py all of them at once.
Knows fingerprints and vectors; knows nothing of photos or bundles. May import `library` and `pictures`.
"""
