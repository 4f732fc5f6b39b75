"""Disks that are full, and folders that cannot be written: what was there before stays, and one sentence names the file."""

from __future__ import annotations

import os
import re
import resource
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hostile.rows import CASES, selection
from hostile.running import TIME, TRACEBACK, Place, Told

RUN = ["-c", "from clinometer.cli.main import main; main()", "run", "reference", "--profile", "quick", "--seed", "3", "-n", "2"]
UNSHARE = shutil.which("unshare")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A place whose journal is of an earlier run."""
    found = Place(tmp_path)
    code, output = found.run([*RUN[3:], "--", *selection()])
    assert code == 0, output
    return found


def limited(place: Place, size: int) -> tuple[int, str]:
    """Run where no file can be larger."""
    process = subprocess.run(
        [sys.executable, *RUN, "-o", str(place.out), "--", *selection()],
        cwd=place.here,
        env=place.environment,
        capture_output=True,
        text=True,
        timeout=TIME,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )
    return process.returncode, process.stdout + process.stderr


def mounted(place: Place, how: str) -> tuple[int, str]:
    """Run where the folder is another file system, as a shell mounts it; what it holds at the end is copied to `after`."""
    command = shlex.join([sys.executable, *RUN, "-o", str(place.out), "--", *selection()])
    out, before, after = (shlex.quote(str(place.folder / name)) for name in ("out", "before", "after"))
    copied = f"cp -a {out} {before} && {how.format(out=out, before=before)} || exit 99"
    script = f"{copied}\n{command}\ncode=$?; cp -a {out} {after}; exit $code"
    assert UNSHARE is not None  # asked before
    process = subprocess.run(
        [UNSHARE, "--mount", "--propagation", "private", "sh", "-c", script],
        cwd=place.here,
        env=place.environment,
        capture_output=True,
        text=True,
        timeout=TIME,
        check=False,
    )
    if process.returncode in (1, 99) and not (place.folder / "after").exists():
        pytest.skip(f"no file system can be mounted here: {process.stderr.strip()}")
    return process.returncode, process.stdout + process.stderr


def refused(place: Place, code: int, output: str, why: str, codes: tuple[int, ...] = (2, 3)) -> None:
    """Hold that a run has said in a sentence which file could not be written, and that it has left nothing alive."""
    said = " ".join(output.split())
    assert code in codes, output
    assert not TRACEBACK.search(output), output
    assert re.search(rf"{re.escape(str(place.out))}\S*: (?:cannot be written: )?{why}", said), output
    assert not place.left_alive()


def kept(place: Place, before: bytes, folder: Path) -> None:
    """Hold that the earlier run's journal is whole, where it was or set aside."""
    paths = [path for path in folder.iterdir() if path.name.startswith("reference.jsonl")]
    assert before in [path.read_bytes() for path in paths]


@pytest.mark.parametrize(("size", "codes"), [(2_000, (2, 3)), (6_000, (2, 3)), (40_000, (0,))])
def test_a_file_that_cannot_grow_loses_nothing(place: Place, size: int, codes: tuple[int, ...]) -> None:
    """With too little room for the cases a run ends; for the report, it holds without one. The run before is whole."""
    before = place.journal().read_bytes()
    page = (place.out / "index.html").read_bytes()
    refused(place, *limited(place, size), "File too large", codes)
    kept(place, before, place.out)
    assert (place.out / "index.html").read_bytes() == page


@pytest.mark.skipif(UNSHARE is None or os.geteuid() != 0, reason="mounts need root; without it RLIMIT_FSIZE says as much")
@pytest.mark.parametrize(("room", "codes"), [(4_096, (2, 3)), (16_384, (0,))])
def test_a_full_disk_loses_nothing(place: Place, room: int, codes: tuple[int, ...]) -> None:
    """Where there is no room for the cases, or for the report alone, the run before is whole, and its page as well."""
    before, page = place.journal().read_bytes(), (place.out / "index.html").read_bytes()
    blocks = sum(-(-path.stat().st_size // 4096) * 4096 for path in place.out.iterdir())
    how = f"mount -t tmpfs -o size={blocks + room + 4096} none {{out}} && cp -a {{before}}/. {{out}}"
    refused(place, *mounted(place, how), "No space left on device", codes)
    kept(place, before, place.folder / "after")
    assert (place.folder / "after" / "index.html").read_bytes() == page


def test_a_folder_that_cannot_be_written_is_refused(place: Place) -> None:
    """A sentence names the file, and what is there stays as it is."""
    before, page = place.journal().read_bytes(), (place.out / "index.html").read_bytes()
    if os.geteuid() == 0:
        code, output = mounted(place, "mount --bind {out} {out} && mount -o remount,ro,bind {out}")
        refused(place, code, output, "Read-only file system")
    else:
        place.out.chmod(0o500)
        code, output = limited(place, resource.RLIM_INFINITY)
        place.out.chmod(0o700)
        refused(place, code, output, "Permission denied")
    assert place.journal().read_bytes() == before
    assert (place.out / "index.html").read_bytes() == page
    assert set(Told.of(place.journal()).results) == set(CASES)
