"""Operators: placeholder list until they are written."""
OPERATORS = ()
