"""From a dataset folder to a version on the Hub: one commit and one tag."""
