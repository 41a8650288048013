"""Which models understand and embed: the shipped ones, with their files, or one's own.

In come the names that a user gives, of folders or on Hugging Face; out comes a set of models that belong together,
none of them loaded yet. May import `understanding`, whose captioners it opens, and `conversion`, which makes the
handler's encoder of a foreign one.
"""
