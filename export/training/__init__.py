"""Training the default models, and fine-tuning them: everything here needs ``make setup EXTRAS=train``.

In comes a corpus of photos and texts; out come the folders that are shipped. The rooms: `data` (what is learnt from),
`text_encoder` and `photo_model` (what learns), `photo_training` (how), `evaluation` (what it is worth on photos that
were held out). May import every room but `cli`.
"""
