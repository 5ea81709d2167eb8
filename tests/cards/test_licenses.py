"""What each licence asks of whoever passes on text made under it."""

import pytest
from arbitrage_cards.licenses import LICENSES, license_of

WORDS = {"attribution", "share-alike", "non-commercial", "no-derivatives"}


@pytest.mark.parametrize("license_id", sorted(LICENSES))
def test_whatever_a_licence_asks_is_said_in_one_sentence(license_id):
    licence = license_of(license_id)
    if licence is None:
        return
    assert licence.id == license_id and licence.name and licence.asks <= WORDS
    assert licence.link is None or licence.link.startswith("https://")
    assert (licence.duty is None) == (not licence.asks)
    assert licence.duty is None or licence.duty.endswith(".")


@pytest.mark.parametrize(
    ("license_id", "asks"),
    [
        ("cc0-1.0", ""),
        ("cc-by-4.0", "attribution"),
        ("cc-by-nc-sa-3.0", "attribution non-commercial share-alike"),
        ("cc-by-nc-nd-4.0", "attribution no-derivatives non-commercial"),
        ("odbl", "attribution share-alike"),
        ("mit", "attribution"),
        ("llama3.1", "attribution"),
        ("fair-noncommercial-research-license", "attribution non-commercial"),
    ],
)
def test_asks_are_those_of_the_licence(license_id, asks):
    licence = license_of(license_id)
    assert licence is not None and " ".join(sorted(licence.asks)) == asks


@pytest.mark.parametrize("license_id", [None, "other", "unknown", "cc", "my-own-licence", ""])
def test_nothing_is_claimed_of_a_licence_whose_words_are_not_known(license_id):
    assert license_of(license_id) is None


def test_the_duties_to_name_a_model_are_said():
    assert '"Built with Llama"' in str(license_of("llama3.1")) and "improve" in str(license_of("llama2"))
