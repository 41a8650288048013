"""What people do with an output folder: index photos into it, correct what is said of them, serve it on this machine.

In come a folder, a list or a bucket of photos and a choice of models; out comes an output folder whose bundle is up
to date. The stages in the rooms below are put one after the other here; `editor` is what corrects in the page. May
import `bundles`, `models`, `understanding`, `library`, `storage`, `photos` and `disk`.
"""
