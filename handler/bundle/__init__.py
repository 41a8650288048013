"""What a bundle is: each of its files, and the bundle that they make together.

In come the files of a bundle once they are verified; out go an encoder, an index, views, a catalogue, columns and a
calibration that belong together, or a BundleError. The export writes its bundles with these modules, so that what is
written is what is read. Knows nothing of where bundles come from, of questions or of HTTP. Imports no other room.
"""
