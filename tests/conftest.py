"""Let the tests import their planted backends, and draw the same examples in every run."""

import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))
settings.register_profile("the same every day", derandomize=True, database=None)
settings.load_profile("the same every day")
