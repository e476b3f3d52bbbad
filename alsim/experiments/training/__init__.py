"""The loop behind a training study: all tasks, all labels."""
