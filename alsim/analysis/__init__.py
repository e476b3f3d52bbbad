"""Numbers from a run's tables. Trains nothing, reads and writes no file."""
