"""Recipes of learning curves, and their claims."""
