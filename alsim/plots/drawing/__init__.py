"""What plots of all kinds draw with: panels, lines, labels, style."""
