"""The trainer for Apple Silicon: mlx and mlx-lm live here only."""
