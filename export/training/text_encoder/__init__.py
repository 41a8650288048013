"""The text encoder: what it computes, its training, and the distillation of others.

In come texts and a teacher; out comes a small sentence encoder in float32, which `conversion` makes small. May import
`data`.
"""
