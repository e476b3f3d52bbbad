"""Other people's files to pools: arrays, MNIST's idx files, CSV, and any Parquet with lists."""
