"""Learned routers fitted once, on a pilot or on a published pool, and kept as a folder that arms name."""
