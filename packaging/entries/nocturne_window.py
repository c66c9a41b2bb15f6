"""The frozen window."""

import runpy

runpy.run_module("desktop", run_name="__main__")
