"""Who does a study's tasks: this process (`inline`), or processes of its own (`processes`)."""
