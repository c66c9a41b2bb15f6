"""`python -m engine ...` is `nocturne ...`."""

from engine.cli import main

raise SystemExit(main())
