"""Completions that were made elsewhere: a published pool, or an offline batch in a file."""
