"""Slow, obvious second opinions: nothing here imports neocalc."""
