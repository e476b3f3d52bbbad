"""What can be chosen: one module for each heading of the help, without torch."""
