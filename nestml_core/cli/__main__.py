"""``python -m nestml_core.cli``."""

from nestml_core.cli import main

raise SystemExit(main())
