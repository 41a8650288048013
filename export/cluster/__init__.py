"""Many machines: photos of a bucket are read and understood by Ray, and the library lies in a bucket too.

In come the addresses of photos and of a store; out come thumbnails, the library in shards, and a bundle in service.
ray_engine.py gives photos out to the readers of photo_fetching.py, which run everywhere; cluster_indexing.py is the
driver, and run_lease.py sees to it that there is one. May import `gallery`, `publishing` and all below them. Ray and
pyarrow are imported when they are needed, as they come with `make setup EXTRAS=ray` alone.
"""
