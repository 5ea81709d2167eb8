"""What names a translation: the text, the languages, the translator and all that decides what it replies."""

from collections.abc import Mapping
from typing import Any

from arbitrage.identity import content_id
from arbitrage.recipe.published import published_source
from arbitrage.recipe.translate import Translate
from arbitrage.translation.local import local_settings
from arbitrage.translation.pieces import METHOD
from arbitrage.translation.served import served_settings


def made_by(config: Translate, revision: str) -> dict[str, str]:
    """Return what every translated row says of its translator, at a revision."""
    return {"model": published_source(config.model), "revision": revision}


def settings_of(config: Translate) -> Mapping[str, Any]:
    """Return what decides a translation beside the model, its revision, the text and the languages."""
    return local_settings(config) if config.endpoint is None else served_settings(config)


def translation_id(config: Translate, by: Mapping[str, str], text: str, target: str) -> str:
    """Return the identity of a text's translation; of no text into no language, that of the translator as it is set."""
    return content_id(
        "translation", text=text, source=config.source, target=target, **by, settings=settings_of(config), method=METHOD
    )
