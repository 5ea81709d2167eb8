import pytest
from arbitrage.hub.version import FIRST, Version, version_of


@pytest.mark.parametrize("tag", ["v1.0.0", "v0.0.1", "v10.20.30"])
def test_a_version_is_its_tag(tag: str) -> None:
    version = version_of(tag)
    assert version is not None
    assert str(version) == tag


@pytest.mark.parametrize(
    "tag", ["1.0.0", "v1.0", "v01.0.0", "v1.0.0-rc1", "V1.0.0", "v1.0.0\n", "v1.0.٣", "main", "v" + "9" * 99]
)
def test_other_tags_are_no_versions(tag: str) -> None:
    assert version_of(tag) is None


def test_versions_go_up_by_what_changed() -> None:
    assert Version(1, 2, 3).after("major") == Version(2, 0, 0)
    assert Version(1, 2, 3).after("minor") == Version(1, 3, 0)
    assert Version(1, 2, 3).after("patch") == Version(1, 2, 4)


def test_versions_are_ordered_by_number() -> None:
    assert sorted([Version(1, 10, 0), Version(1, 9, 0), FIRST]) == [FIRST, Version(1, 9, 0), Version(1, 10, 0)]
