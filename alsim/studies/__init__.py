"""Running a study: plan, worker processes, records."""
