"""Install the lowest versions of all dependencies that pyproject.toml allows, in the environment that runs this."""

import subprocess
import sys
import tomllib
from pathlib import Path


def lowest(requirement: str) -> str:
    """Return a requirement of the lowest version that it allows: `numpy==2.1` for `numpy>=2.1`."""
    return requirement.replace(">=", "==")


def main() -> int:
    """Return the exit code of pip."""
    project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text("utf-8"))
    requirements = [*project["project"]["dependencies"], *project["dependency-groups"]["tests"]]
    command = [sys.executable, "-m", "pip", "install", "--quiet", *map(lowest, requirements)]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
