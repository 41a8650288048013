"""How the photo model learns: the visual view first, then the decoder; fine-tuning and distillation.

In come photos in memory and a photo model; out comes the model, trained. May import `photo_model`, `text_encoder` and
`data`.
"""
