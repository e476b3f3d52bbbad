"""What learning curves say: means, differences, labels saved, verdicts."""
