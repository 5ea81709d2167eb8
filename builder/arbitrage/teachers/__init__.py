"""Teachers: models that complete prompts, behind endpoints that fail in every way."""
