"""Win rates from a judge's verdicts: intervals clustered by source, length control, biases and agreement of judges."""
