"""`python -m sd35graph` is the same as the command `sd35graph`."""

from sd35graph.cli import main

main()
