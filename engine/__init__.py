"""Nocturne's engine: the assistant without a window. Importing it loads nothing heavy."""

__version__ = "0.1.0"
