"""Learning curves: strategies times seeds, from the initial labels to the last query."""
