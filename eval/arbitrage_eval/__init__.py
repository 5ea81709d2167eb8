"""Evaluation: what students and datasets are worth, language by language, with intervals."""
