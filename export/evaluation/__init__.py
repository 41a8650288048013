"""How well it finds: recall and calibration, measured as clients ask; pictures of both.

In come a searcher and queries whose right answers are known; out come numbers, a diagram, a contact sheet. Also here:
the texts by which collections and encoders are probed. Imports no other room.
"""
