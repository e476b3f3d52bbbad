"""A run's folder: its manifest, tables, journals and checkpoints, and the lock on it.

What is written is written whole or not at all; what is read is right or one clear error.
"""
