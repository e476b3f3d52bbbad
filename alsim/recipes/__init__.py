"""Figures and tables of papers as one command: what to run, to draw and to test."""
