"""Recipes of correlation studies."""
