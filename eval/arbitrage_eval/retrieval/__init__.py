"""Retrieval of parallel sentences: how often a sentence's translation is nearest to it in a model's middle layer.

`retrieving.run_retrieval` does an entry of a suite for some models, `pairs` reads the sentences, `vectors` asks the
model and `nearest` compares.
"""
