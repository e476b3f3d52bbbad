"""Recipes of training studies, and their claims."""
