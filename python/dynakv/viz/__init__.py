"""Figures of a cluster: what the core reports, drawn.

Each function returns a `Figure`, which a notebook shows as a picture and a terminal as text; it has
`svg`, `html`, `text`, `data` and `save`. They draw what layouts, results, records of requests and
traces say, and compute no protocol of their own. The pictures are written with the standard library
alone; only `distribution` needs matplotlib, from the extra ``viz``.

Examples
--------
>>> from dynakv import viz
>>> figure = viz.balance(cluster)
>>> figure.data()["copies"]
49152
"""

from dynakv.viz._balance import balance
from dynakv.viz._figure import Figure
from dynakv.viz._gossip import gossip
from dynakv.viz._moves import moves
from dynakv.viz._preference import preference
from dynakv.viz._recorder import Recorded, Recorder
from dynakv.viz._request import request
from dynakv.viz._ring import ring
from dynakv.viz._statistics import distribution
from dynakv.viz._timeline import timeline
from dynakv.viz._versions import versions

__all__ = [
    "Figure",
    "Recorded",
    "Recorder",
    "balance",
    "distribution",
    "gossip",
    "moves",
    "preference",
    "request",
    "ring",
    "timeline",
    "versions",
]
