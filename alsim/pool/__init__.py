"""Data in: what a pool is, how it is read from Parquet, imported, checked and made up."""
