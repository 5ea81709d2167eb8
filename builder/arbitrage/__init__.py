"""Build multilingual training data by routing prompts through a pool of teacher models."""

__version__ = "0.1.0"
