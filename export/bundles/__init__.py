"""What is known of photos becomes a bundle.

In come a library and the models that filled it; out comes a bundle in the output folder, opened and asked with the
handler's own code before it is put in service. Here vectors are fused, near-duplicates grouped, suggestions chosen,
the relevance laid over the collection and the kind of index chosen. May import `models`, `library`, `evaluation`,
`photos` and `disk`.
"""
