"""What the tests of this folder share."""

from __future__ import annotations

import sys
from pathlib import Path

# The suite is imported by file, without packages, so a helper beside the tests has to be made findable.
sys.path.insert(0, str(Path(__file__).parents[1] / "strategies"))
sys.path.insert(0, str(Path(__file__).parent))
