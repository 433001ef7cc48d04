"""Real processes under load, killed, stopped and cut off from each other: ``./dev chaos``."""
