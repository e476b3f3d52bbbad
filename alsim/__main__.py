"""`python -m alsim`."""

from alsim.cli import main

main()
