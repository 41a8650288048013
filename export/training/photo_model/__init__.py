"""The photo model: what it computes, in torch and as graphs, and its way into a captioner's folder and back.

In come weights; out come ``vision.onnx``, ``decoder.onnx`` and what goes with them. May import `text_encoder` and
`data`.
"""
