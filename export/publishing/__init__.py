"""A bundle comes into service in a store, and goes out of it again.

In come the bundle of an output folder and a store; out comes a store whose pointer leads to that bundle, as a whole
or not at all. Also here: what the store holds, going back to an earlier bundle, pruning, the quality gate and
signatures. May import `bundles`, `library`, `evaluation`, `storage`, `photos` and `disk`.
"""
