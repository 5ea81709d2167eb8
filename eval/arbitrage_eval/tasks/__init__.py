"""Tasks of lm-eval, and tasks over the test split of a published dataset, run once each and kept."""
