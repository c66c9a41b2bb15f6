"""One module per format: bytes or decoded text in, a `Draft` out."""
