"""The workers of a study: this process (`inline`), or separate processes (`processes`)."""
