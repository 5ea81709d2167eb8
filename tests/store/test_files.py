from pathlib import Path

import pytest
from arbitrage.errors import StoreError
from arbitrage.store.files import NETWORK_FILESYSTEMS, filesystem_of, only_builder, refuse_network_filesystem

MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
/dev/sdb1 /home/local xfs rw 0 0
//server/share /mnt/with\\040blank cifs rw 0 0
tmpfs /mnt/fröhlich tmpfs rw 0 0
"""


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    path = tmp_path / "mounts"
    path.write_text(MOUNTS, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("/data/run", ("/", "ext4")),
        ("/home/me/run", ("/home", "nfs4")),
        ("/home/local/run", ("/home/local", "xfs")),
        ("/homeless", ("/", "ext4")),
        ("/mnt/with blank/run", ("/mnt/with blank", "cifs")),
        ("/mnt/fröhlich", ("/mnt/fröhlich", "tmpfs")),
    ],
)
def test_the_deepest_mount_counts(mounts: Path, folder: str, expected: tuple[str, str]) -> None:
    assert filesystem_of(Path(folder), mounts) == expected


def test_a_network_filesystem_is_refused_by_name(mounts: Path) -> None:
    with pytest.raises(StoreError, match=r"is on nfs4, a network filesystem mounted at /home,.*--run"):
        refuse_network_filesystem(Path("/home/me/run"), mounts)
    refuse_network_filesystem(Path("/home/local/run"), mounts)
    assert "ext4" not in NETWORK_FILESYSTEMS


def test_a_system_that_does_not_say(tmp_path: Path) -> None:
    assert filesystem_of(tmp_path, tmp_path / "none") is None
    refuse_network_filesystem(tmp_path, tmp_path / "none")


def test_one_builder_at_a_time(tmp_path: Path) -> None:
    with (
        only_builder(tmp_path),
        pytest.raises(StoreError, match=r"another build \(process \d+\)"),
        only_builder(tmp_path),
    ):
        pass
    with only_builder(tmp_path):
        pass
