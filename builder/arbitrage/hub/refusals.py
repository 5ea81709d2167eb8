"""What the Hub's clients raise, as messages that say what to do."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

from arbitrage.errors import HubError, HubUnavailable

DISK = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EMFILE))
"""What fails here and not on the way to the Hub, also where no file is named."""


@contextmanager
def explained(shown: str) -> Iterator[None]:
    """Turn what the Hub's clients raise inside into errors that name `shown`, the repository or file.

    Raises:
        HubError: the Hub refuses it, and something has to be changed first.
        HubUnavailable: the Hub cannot be reached, or failed; the same command may succeed later.
    """
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError, OfflineModeIsEnabled

    try:
        with _bare():
            yield
    except OfflineModeIsEnabled as error:
        raise HubError(f"{shown}: HF_HUB_OFFLINE is set; unset it first") from error
    except LocalTokenNotFoundError as error:
        raise HubError(f"{shown}: there is no token: run `hf auth login`, or set HF_TOKEN") from error
    except UnicodeEncodeError as error:
        # Of all that is sent as a header, the token alone comes from outside.
        raise HubError(f"{shown}: HF_TOKEN holds a character that no token has: set it anew") from error
    except HfHubHTTPError as error:
        raise _refusal(shown, error) from error
    except unreachable() as error:
        if getattr(error, "filename", None) or getattr(error, "errno", None) in DISK:
            raise  # a file here, not the Hub
        raise HubUnavailable(f"{shown}: the Hub cannot be reached ({said(error)}); run it again later") from error


@contextmanager
def _bare() -> Iterator[None]:
    # An upload that fails in a thread comes wrapped, and what it failed of is the better thing to say.
    try:
        yield
    except RuntimeError as error:
        if isinstance(error.__cause__, unreachable()):
            raise error.__cause__ from None
        raise


def unreachable() -> tuple[type[Exception], ...]:
    """Return what the clients raise where no answer came."""
    from huggingface_hub.errors import HfHubHTTPError

    # Its first base is the HTTP client's own error: httpx's in huggingface_hub 1, httpx2's in 2.
    return (OSError, HfHubHTTPError.__bases__[0])


def said(error: BaseException) -> str:
    """Return what the Hub said, or else the client, on one short line; the error's name where there is nothing."""
    text = " ".join(str(getattr(error, "server_message", None) or error).split())
    # Where a file is stored is signed in the address: whoever has that may write there for a while.
    text = re.sub(r"(https?://[^\s?'\"]*)\?[^\s'\"]*", r"\1", text)
    return text[:300] or type(error).__name__


def _refusal(shown: str, error: BaseException) -> HubError:
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    status = status_of(error)
    why = f"({said(error)})"
    if isinstance(error, GatedRepoError):
        return HubError(f"{shown}: is gated; accept its terms on its page on the Hub, and set HF_TOKEN")
    if isinstance(error, RevisionNotFoundError):
        return HubError(f"{shown}: has no such revision; give a tag, a branch or a commit")
    # The clients read every 401 as a repository that is not there.
    if status == 401:
        return HubError(
            f"{shown}: the Hub takes no token or not this one: run `hf auth login`, or set HF_TOKEN, and check the name"
        )
    if isinstance(error, RepositoryNotFoundError):
        return HubError(f"{shown}: no such dataset on the Hub, or a private one that your token may not see")
    if status == 403:
        return HubError(f"{shown}: your token may not do that {why}: give HF_TOKEN one with write access to it")
    if status is None or status in (408, 429) or status >= 500:
        return HubUnavailable(f"{shown}: the Hub failed {why}; run the same command again")
    return HubError(f"{shown}: the Hub refuses it {why}")


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status of a client's error; None where no answer came."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status if isinstance(status, int) else None
