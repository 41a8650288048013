"""A store in S3, and its files on this machine's disk.

Signed GETs of a bucket's objects over HTTP; what every question needs is fetched whole, and of the rest what one asks
for. Knows buckets, keys and blocks; whether a block is what was written is the file's own concern.
"""
