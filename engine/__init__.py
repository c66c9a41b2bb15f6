"""Nocturne's engine: the assistant without a window. Importing it loads nothing heavy."""

import os

# From 1.32 on ONNX Runtime numbers the computer and sends what it does to its maker, unless this stands in
# the environment before it is loaded: hence here, where every process of ours passes first.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

__version__ = "0.1.0"
