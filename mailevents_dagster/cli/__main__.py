"""`python -m mailevents_dagster.cli`, if the command is not on the path."""

from mailevents_dagster.cli import main

main()
