"""The frozen command line, and with `worker` as first word every worker process."""

import sys

from engine.cli import main

sys.exit(main())
