"""Dual encoders: models with an image tower and a text tower in one space, out of transformers and OpenCLIP.

In comes a folder, or the name of one of OpenCLIP's; out come both towers, loaded in torch, with the model's own
tokenizer and preprocessing, and from these the graphs that are served and that index. Needs ``make setup EXTRAS=clip``
for OpenCLIP's, and ``EXTRAS=train`` for the others.
"""
