"""Statistics for paired seeds: t-intervals, bands, Holm, power."""
