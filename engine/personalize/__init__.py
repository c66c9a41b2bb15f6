"""The night: select -> compose -> train -> export -> evaluate -> decide, each stage on one run folder."""
