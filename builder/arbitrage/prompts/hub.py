"""Prompt sources on the Hugging Face Hub: which commit a revision is, and its rows as a stream."""

import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from tempfile import TemporaryDirectory

from arbitrage.errors import PromptError
from arbitrage.hub.refusals import unreachable
from arbitrage.prompts.files import PEEK, Read, lacking
from arbitrage.recipe.model import PromptSource

ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


def resolve(source: PromptSource) -> str:
    """Return the commit that a source's revision is now, asking the Hub.

    Raises:
        PromptError: there is no such dataset or revision, it may not be read, or the Hub cannot be reached.
    """
    if not ID.fullmatch(source.path):
        raise PromptError(f"{source.path}: is neither a file here (.jsonl, .parquet, folder) nor a Hub id (org/name)")
    from huggingface_hub import HfApi
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    shown = _shown(source)
    try:
        sha = HfApi().dataset_info(source.path, revision=source.revision).sha
    except GatedRepoError as error:
        raise _gated(source) from error
    except RevisionNotFoundError as error:
        raise PromptError(f"{shown}: the dataset has no such revision; give a commit, a tag or a branch") from error
    except RepositoryNotFoundError as error:
        raise PromptError(
            f"{source.path}: no such file here and no such dataset on the Hub, or a private one; "
            "check the name, and set HF_TOKEN if it is private"
        ) from error
    except OfflineModeIsEnabled as error:
        raise PromptError(f"{shown}: HF_HUB_OFFLINE is set; unset it, or name a local file") from error
    except HfHubHTTPError as error:
        raise PromptError(f"{shown}: the Hub answered: {_first_line(error)}") from error
    except unreachable() as error:
        raise PromptError(f"{shown}: the Hub cannot be reached ({_first_line(error)}); try again") from error
    if sha is None:
        raise PromptError(f"{shown}: the Hub names no commit for it")
    return sha


def read_hub(source: PromptSource, columns: Sequence[str]) -> Iterator[Read]:
    """Stream the rows of a dataset on the Hub, at the commit that its revision is now.

    Raises:
        PromptError: there is no such dataset, split or column, or it cannot be read or reached.
    """
    commit = resolve(source)
    import datasets
    from huggingface_hub.errors import HfHubHTTPError

    shown = f"{source.path}@{commit[:12]}"
    try:
        # Where anything fails, datasets takes the dataset from its cache, at whichever revision that is.
        with TemporaryDirectory() as no_cache:
            stream = datasets.load_dataset(
                source.path,
                source.config,
                split=source.split,
                revision=commit,
                streaming=True,
                cache_dir=no_cache,
            )
        if stream.column_names is not None:
            if missing := [name for name in columns if name not in stream.column_names]:
                raise lacking(shown, missing, stream.column_names)
            stream = stream.select_columns(list(dict.fromkeys(columns)))
        rows = iter(stream)
        first = list(islice(rows, PEEK if stream.column_names is None else 0))
        known = list(dict.fromkeys(chain.from_iterable(first)))
        if known and (missing := [name for name in columns if name not in known]):
            raise lacking(shown, missing, known)
        for number, row in enumerate(chain(first, rows), 1):
            yield Read(f"{shown} row {number}", row)
    except (HfHubHTTPError, datasets.exceptions.DatasetsError, ValueError, RuntimeError) as error:
        _check_access(source)
        raise PromptError(f"{shown}: cannot be read: {_first_line(error)}") from error
    except unreachable() as error:
        raise PromptError(f"{shown}: the Hub cannot be reached ({_first_line(error)}); try again") from error


def _check_access(source: PromptSource) -> None:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError

    try:
        HfApi().auth_check(source.path, repo_type="dataset")
    except GatedRepoError as error:
        raise _gated(source) from error
    except unreachable():
        # What went wrong before is then the better thing to say.
        return


def _gated(source: PromptSource) -> PromptError:
    return PromptError(
        f"{source.path}: is gated; accept its terms on its page on the Hub and set HF_TOKEN to your token"
    )


def _shown(source: PromptSource) -> str:
    return f"{source.path}@{source.revision}" if source.revision else source.path


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
