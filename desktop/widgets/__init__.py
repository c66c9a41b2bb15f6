"""The window's own controls, each usable by itself."""
