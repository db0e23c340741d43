"""Lets the tests import the modules beside them, whatever folder pytest runs in."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
