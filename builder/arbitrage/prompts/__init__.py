"""Prompts: read from anywhere, checked, sampled, split and kept in the store."""
