"""Lessons -> training rows: from structure, from sentences, from the model's own questions, and replay."""
