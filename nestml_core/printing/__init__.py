"""Expressions and statements as text of a target language."""
