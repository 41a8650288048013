"""Hub models: captioners of one's own, any model of transformers that makes text of pictures.

Pictures come in, captions go out. `hub_captioner` knows a model's folder and `prompts` how it is asked; the others need
torch.
"""
