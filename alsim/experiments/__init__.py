"""Experiments: from a setting to frozen records; no files, no clock."""
