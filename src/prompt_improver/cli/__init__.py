"""The command line. Its modules do without postponed annotations: typer would evaluate each at every start, a fifth of the time of `--help`."""
