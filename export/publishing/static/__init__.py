"""The static gallery: a bundle becomes a site that is searched in the browser, with no function behind it.

A published bundle comes in; a page and what it is made of go out, named by their hashes. May import what publishing
may. `browser/` is what runs in the browser: the handler's search once more, in JavaScript, held to the handler's
answers by tests/functional/export/publishing/static.
"""
