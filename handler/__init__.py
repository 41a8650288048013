"""The runtime and the contract: everything that reads a bundle and answers from it.

In comes a bundle, from a folder or a store, and a question; out goes an answer. The rooms are the way of a question:
`web` (requests and responses), `search` (a question in, photos out), `bundle` (what a bundle is), and beside them
`store` (where bundles come from, verified) and `widget` (the page). Each imports only those after it; `store` and
`search` know nothing of each other. Nothing here imports `export`.
"""
