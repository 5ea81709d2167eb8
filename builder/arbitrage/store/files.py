"""Where a store may live, and that only one build writes to it."""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from arbitrage.errors import StoreError

NETWORK_FILESYSTEMS = frozenset(
    "nfs nfs4 cifs smb3 smbfs 9p afs ceph fuse.sshfs fuse.s3fs fuse.gcsfuse fuse.glusterfs fuse.rclone "
    "glusterfs lustre gpfs beegfs orangefs pvfs2 ncpfs".split()
)


def filesystem_of(folder: Path, mounts: Path = Path("/proc/self/mounts")) -> tuple[str, str] | None:
    """Return (mount point, type) of the filesystem that holds a folder; None where the system does not say."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    best: tuple[str, str] | None = None
    for line in lines:
        _, point, kind, *_ = line.split(" ")
        # The kernel writes blanks and backslashes as three octal digits, and nothing else.
        point = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), point)
        if folder.is_relative_to(point) and (best is None or len(point) >= len(best[0])):
            best = (point, kind)
    return best


def refuse_network_filesystem(folder: Path, mounts: Path = Path("/proc/self/mounts")) -> None:
    """Refuse a folder on a network filesystem, where SQLite's locks and syncs cannot be trusted.

    Raises:
        StoreError: the folder is on one.
    """
    found = filesystem_of(folder.resolve(), mounts)
    if found and found[1] in NETWORK_FILESYSTEMS:
        raise StoreError(
            f"{folder} is on {found[1]}, a network filesystem mounted at {found[0]}, where a store can be "
            "corrupted: give --run a folder on a local disk"
        )


@contextmanager
def only_builder(folder: Path) -> Iterator[None]:
    """Hold the run's lock.

    Raises:
        StoreError: another process holds it.
    """
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
            raise StoreError(
                f"another build (process {holder}) is at work in {folder}: wait for it, stop it, "
                "or give this one another --run; `arbitrage status` answers meanwhile"
            ) from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode("ascii"))
        yield
    finally:
        os.close(descriptor)
