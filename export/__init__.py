"""Everything offline: from photos to a bundle in service, and from a corpus to the models that are shipped.

The rooms are the stages of that way, and each imports only rooms further down: `cli` · `training` · `cluster` ·
`gallery` and `publishing` · `bundles` · `models` · `understanding` and `conversion` · `library`, `evaluation` and
`storage` · `photos` · `pictures` · `disk`. `make lint` checks it. README.md says how photos become a bundle and how the
models were made.
"""
