"""Nocturne's engine: the assistant without a window. Importing it loads nothing heavy."""

import os

# From 1.32 on official builds of ONNX Runtime number the computer and send events to their maker, says their
# Privacy.md, unless this stands in the environment before it is loaded: hence here, where every process of
# ours passes first.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

__version__ = "0.1.0"
