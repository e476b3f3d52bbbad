"""What curves and correlation share: checks, fitting to the pool, preparation, passive phase."""
