"""Pixels become captions and vectors.

In come photos that lack something; out come what a captioner says of them and the visual vector, kept in the library.
captioner.py is the interface, and every kind of captioner is a module here. backlog.py knows what is missing and
keeps what is found, worker_pool.py gives the work out to processes, photo_reader.py does it. May import `library` and
`photos`.
"""
