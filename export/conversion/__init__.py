"""A trained text encoder becomes the small ONNX graph that the handler runs.

In comes an encoder in float32, from a folder of sentence-transformers or from the training; out come the four files
of the handler's encoder, in 4 or 8 bits, checked against what they were made of. Graphs are written node by node.
Needs ``make setup EXTRAS=train``. May import `evaluation`, for the texts by which encoders are compared.
"""
