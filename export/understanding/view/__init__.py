"""The visual view: image encoders, which see where a photo lies in a text encoder's space.

In come pictures that are decoded; out comes a vector of each. May import `onnx_sessions` beside it; knows no captions.
"""
