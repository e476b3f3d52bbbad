"""Trained models: values, summaries, gates."""
