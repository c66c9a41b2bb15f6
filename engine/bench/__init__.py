"""Measurements. Each runs both sides of a comparison in one go and prints a ratio.

The plain arms call third parties directly, so this room alone may import them beside their home.
"""
