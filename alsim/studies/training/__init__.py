"""Training studies: models times seeds on all labels of all tasks."""
