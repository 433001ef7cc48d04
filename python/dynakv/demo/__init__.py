"""The demonstration: ``python -m dynakv.demo``, or ``./dev demo``.

Three node processes take the package index of this machine; one of them is killed meanwhile. The
demo asserts what it claims and ends with a non-zero status when a claim does not hold.
"""
