"""Files that are whole or not there, and locks that die with their process.

In come bytes and a place; out comes a file that is never half-written. Imports no other room.
"""
