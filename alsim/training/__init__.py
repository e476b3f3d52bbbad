"""Training: objectives, batches, replicas, epochs."""
