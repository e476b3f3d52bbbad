"""Correlation studies: random groups of rows, and what scores say of their worth."""
