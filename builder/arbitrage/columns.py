"""The types of carried columns: one explicit type a column, whatever order rows come in."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from arbitrage.recipe.model import ROLES, Recipe
from arbitrage.store.store import Store

if TYPE_CHECKING:
    import pyarrow as pa

SCALARS = {"true": "bool", "false": "bool", "integer": "int64", "real": "float64", "text": "string"}


def carried_columns(recipe: Recipe) -> list[str]:
    """Return the names of the columns that prompts carry along, `reference` among them where it is mapped."""
    names = {name for source in recipe.prompts for name in source.columns if name not in ROLES}
    if any("reference" in source.columns for source in recipe.prompts):
        names.add("reference")
    return sorted(names)


def column_types(store: Store, recipe: Recipe) -> dict[str, "pa.DataType"]:
    """Return the Arrow type that holds every value of each carried column.

    Scalars of one kind keep it, integers among floats are floats, lists of such scalars are lists; whatever is
    mixed or nested is published as its JSON text.
    """
    import pyarrow as pa

    types = {}
    for name in carried_columns(recipe):
        path = f'$."{name}"'
        kinds = _kinds(store, "SELECT DISTINCT json_type(columns, ?) FROM prompt", path)
        if kinds == {"array"}:
            inner = _kinds(store, "SELECT DISTINCT e.type FROM prompt p, json_each(p.columns, ?) e", path)
            types[name] = pa.list_(_scalar(inner)) if _is_scalar(inner) else pa.string()
        else:
            types[name] = _scalar(kinds) if _is_scalar(kinds) else pa.string()
    return types


def translator_type() -> "pa.DataType":
    """Return the type of the column `translation`, which says who translated a prompt."""
    import pyarrow as pa

    return pa.struct([("model", pa.string()), ("revision", pa.string())])


def fitted(values: Mapping[str, Any], types: Mapping[str, "pa.DataType"]) -> dict[str, Any]:
    """Return a prompt's carried values as their columns' types have them; what is absent is None."""
    import pyarrow as pa

    row: dict[str, Any] = {}
    for name, kind in types.items():
        value = values.get(name)
        if value is not None and pa.types.is_string(kind) and not isinstance(value, str):
            value = json.dumps(value, ensure_ascii=False, sort_keys=True)
        elif isinstance(value, int) and pa.types.is_float64(kind):
            value = float(value)
        elif isinstance(value, list) and pa.types.is_float64(kind.value_type):
            value = [None if item is None else float(item) for item in value]
        row[name] = value
    return row


def _kinds(store: Store, query: str, path: str) -> set[str]:
    return {kind for (kind,) in store.connection.execute(query, (path,)) if kind not in (None, "null")}


def _is_scalar(kinds: set[str]) -> bool:
    return {SCALARS.get(kind) for kind in kinds} in ({"bool"}, {"int64"}, {"float64"}, {"int64", "float64"}, {"string"})


def _scalar(kinds: set[str]) -> "pa.DataType":
    import pyarrow as pa

    names = {SCALARS[kind] for kind in kinds}
    return pa.type_for_alias("float64" if "float64" in names else next(iter(names)))
