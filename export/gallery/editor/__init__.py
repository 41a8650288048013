"""The editor: what `thinlens serve` adds to the page and the interface for whoever corrects photos on this machine.

In come requests of the page that it served; out go corrections, and what was found wrong with a request. Functions know
nothing of it. May import what `gallery` may, and `correction` beside it.
"""
