"""What trained models say: values, summaries, gates."""
