"""The Hugging Face Hub: what a repository holds, and how its refusals read."""
