"""Learning curves: means, differences, labels saved, verdicts."""
