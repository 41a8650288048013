"""What a bundle holds of its photos beside the index, segment by segment, read as one collection.

Each file of a segment is one module that writes and maps it; segments.py joins those of all segments, and
collection_file.py has what is known of photos only together. Knows photo numbers; knows nothing of texts' meaning, of
relevance or of the disk beyond the files that it is given.
"""
