"""`${NAME}` in a recipe: read once, from the environment alone, and shown to nobody."""

import re
from collections.abc import Mapping

from arbitrage.recipe.problems import Loc, Problem

REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
SECRET = re.compile(r"(?i)(^|_)(token|key|secret|password|passwd|credentials?)$")

SERVED = (("teachers",), ("rewards",), ("models",), ("judges",))
"""The blocks of recipes and suites whose blocks are something that is served."""
NOBODY = "http://not-set.invalid"
"""Stands for an endpoint whose variable is not set, where nobody will be asked."""


class Environment:
    """Expands references and remembers what it gave out, so that `redact` can take it back from messages."""

    def __init__(self, variables: Mapping[str, str], asks: bool) -> None:
        self.variables = variables
        self.asks = asks
        """Whether teachers will be asked: else endpoints and tokens may lack their variables."""
        self.given: dict[str, str] = {}
        self.problems: list[Problem] = []

    def expand(self, value: object, loc: Loc = ()) -> object:
        """Return a value of a recipe with every reference replaced; what cannot be is put into `problems`."""
        if is_token(loc):
            return self._token(value, loc)
        if isinstance(value, dict):
            return {key: self.expand(item, (*loc, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [self.expand(item, (*loc, position)) for position, item in enumerate(value)]
        if isinstance(value, str):
            if is_endpoint(loc) and self._may_lack(value):
                return NOBODY
            return REFERENCE.sub(lambda match: self._value(match[1], loc), value)
        return value

    def redact(self, message: str) -> str:
        """Return a message with the names of variables in place of their values."""
        for name, value in sorted(self.given.items(), key=lambda item: -len(item[1])):
            # Shorter values than this are no secrets, and taking them out would garble the message.
            if len(value) > 3:
                for written in {value, repr(value)[1:-1]}:
                    message = message.replace(written, f"${{{name}}}")
        return message

    def _token(self, value: object, loc: Loc) -> object:
        if value is None:
            return None
        if not isinstance(value, str) or not (match := REFERENCE.fullmatch(value)):
            what = "must be one ${NAME}, read from the environment, and nothing else: a recipe holds no secret"
            self.problems.append(Problem(loc, what))
            return None
        if self._may_lack(value):
            return None
        expanded = self._value(match[1], loc)
        if match[1] in self.given and not re.fullmatch(r"[\x21-\x7e]+", expanded):
            what = f"environment variable {match[1]} is empty or holds characters that no token has"
            self.problems.append(Problem(loc, what))
        return expanded

    def _may_lack(self, value: str) -> bool:
        return not self.asks and any(name not in self.variables for name in REFERENCE.findall(value))

    def _value(self, name: str, loc: Loc) -> str:
        if SECRET.search(name) and not is_token(loc) and not is_endpoint(loc):
            what = f"${{{name}}} looks like a secret, and this key is published; a secret goes into token:"
            self.problems.append(Problem(loc, what))
            return ""
        value = self.variables.get(name)
        if value is None:
            self.problems.append(Problem(loc, f"environment variable {name} is not set; export it first"))
            return ""
        if any("\ud800" <= character <= "\udfff" for character in value):
            self.problems.append(Problem(loc, f"environment variable {name} is not UTF-8"))
            return ""
        self.given[name] = value
        return value


def is_token(loc: Loc) -> bool:
    """Say whether a location is the token of something that is served."""
    return _within_served(loc) == ("token",)


def is_endpoint(loc: Loc) -> bool:
    """Say whether a location is in the endpoints of something that is served; those stay unpublished."""
    return _within_served(loc)[:1] == ("endpoint",)


def _within_served(loc: Loc) -> Loc:
    """Return what follows the block of something that is served; nothing elsewhere."""
    if loc[:1] == ("translate",):
        return loc[1:]
    if loc[:1] == ("rewards",) and loc[2:3] == ("judge",):
        return loc[3:]
    return loc[2:] if loc[:1] in SERVED else ()
