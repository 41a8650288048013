"""What the models are worth on photos that were held out, through the files that are shipped.

In come a folder of models and photos with captions; out come a calibration and a report. May import `photo_model` and
`data`.
"""
