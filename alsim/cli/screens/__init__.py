"""One module for each thing that is printed: tables, progress, remarks."""
