"""The command line. Its modules do without postponed annotations: typer would evaluate each at every start, a tenth of the time of `--help`."""
