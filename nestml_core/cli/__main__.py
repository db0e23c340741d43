"""``python -m nestml_core.cli``."""

from nestml_core.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
