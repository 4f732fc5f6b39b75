"""Install Debian's Chromium for the browser tests, if it is not there."""

import os
import shutil
import subprocess
import sys


def main() -> int:
    """Return 0 if there is a Chromium now."""
    if shutil.which("chromium"):
        return 0
    if not shutil.which("apt-get") or os.geteuid() != 0:
        print("the browser tests need Chromium; install it with: sudo apt-get install chromium", file=sys.stderr)
        return 1
    quiet = {"env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, "check": True}
    subprocess.run(["apt-get", "update", "-qq"], **quiet)
    subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], **quiet)
    return 0


if __name__ == "__main__":
    sys.exit(main())
