"""Helpers for all kinds of plots: panels, lines, labels, names, fonts, style."""
