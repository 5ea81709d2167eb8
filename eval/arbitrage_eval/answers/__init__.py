"""What models answered: recorded in a dataset, or asked for here."""
