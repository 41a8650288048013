"""The command line: arguments in, text or JSON out, exceptions turned into one line and an exit code.

Each command imports what it needs when it runs, so that all of them start at once. Whatever a command does is done by
the rooms below; only this one prints. May import every room.
"""
