"""Measures of texts by language: how long, diverse, readable, repetitive they are, and whether in their language.

`table.measure` gives one measure of texts of one language, `table.measure_table` all of them by language and teacher.
Each comes with a signature that says how it was computed; what is not defined for a language is absent.
"""
