"""Translation of prompts: cut into what a model takes, put together again, checked, stored."""
