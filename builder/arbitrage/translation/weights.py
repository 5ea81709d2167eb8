"""Which weights a model in this process has: the commit on the Hub, or what its folder holds."""

import hashlib
import re
from pathlib import Path

from arbitrage.errors import TranslationError
from arbitrage.hub.refusals import unreachable

PARTS = ("*.json", "*.model", "*.spm", "*.txt", "*.safetensors", "*.bin")


def weights_revision(model: str, revision: str | None, folder: Path) -> str:
    """Return the revision of a model: of a folder the sha256 of its files, else the commit that its revision is now.

    Local paths start at `folder`.

    Raises:
        TranslationError: there is no such model or revision, it may not be read, or the Hub cannot be reached.
    """
    local = folder / model
    if local.is_dir():
        return _sha256(local)
    if revision is not None and re.fullmatch("[0-9a-f]{40}", revision):
        return revision
    from huggingface_hub import HfApi
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        sha = HfApi().model_info(model, revision=revision).sha
    except GatedRepoError as error:
        raise _no(model, "is gated; accept its terms on its page on the Hub and set HF_TOKEN to your token") from error
    except RevisionNotFoundError as error:
        raise _no(model, f"has no revision {revision!r}; give a commit, a tag or a branch") from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise _no(
            model, "is neither a folder here nor a model on the Hub, or a private one; set HF_TOKEN then"
        ) from error
    except OfflineModeIsEnabled as error:
        raise _no(model, "HF_HUB_OFFLINE is set; unset it, name a folder, or pin revision: to a commit") from error
    except HfHubHTTPError as error:
        raise _no(model, f"the Hub answered: {str(error).strip().splitlines()[0]}") from error
    except unreachable() as error:
        raise _no(model, f"the Hub cannot be reached ({type(error).__name__}); try again") from error
    if sha is None:
        raise _no(model, "the Hub names no commit for it")
    return sha


def _sha256(folder: Path) -> str:
    files = sorted({path for part in PARTS for path in folder.glob(part)})
    if not files:
        raise _no(str(folder), "holds no model")
    whole = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            whole.update(f"{path.name}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return whole.hexdigest()


def _no(model: str, what: str) -> TranslationError:
    return TranslationError(f"translate.model: {model}: {what}")
