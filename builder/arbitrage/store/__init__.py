"""The store: everything paid for, durable, in one SQLite file."""
