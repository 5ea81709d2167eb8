"""Pairs of answers, put to judges in both orders."""
