"""What the command line does: one verb a function; messages on standard error, reports on standard output."""
