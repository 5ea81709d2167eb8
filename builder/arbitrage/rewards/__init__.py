"""Rewards: scores for completions, None where none could be given."""
