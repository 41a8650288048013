"""Where bundles come from, verified: a folder on this machine, or a prefix in S3.

In come an address and credentials; out come the files of the bundle that is in service, each handed over once its
size, its hash and, if a key is set, the signature of its manifest are checked. Knows nothing of what is in the files
but the manifest. May import `bundle`.
"""
