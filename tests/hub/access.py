"""Tokens, and what each may do."""

from collections.abc import Mapping
from dataclasses import dataclass

from hub.refusal import Refusal, no_repo
from hub.repo import Repo


@dataclass(frozen=True)
class Account:
    """Who a token stands for; a `read` token of the same account may only look."""

    name: str
    orgs: tuple[str, ...] = ()
    role: str = "write"
    accepted: frozenset[str] = frozenset()
    """Ids of the gated repositories whose terms were accepted."""

    def belongs(self, namespace: str) -> bool:
        """Whether a namespace is the account's own or one of its organisations'."""
        return namespace == self.name or namespace in self.orgs


WRITE, READ, OTHER = "hf_double_write", "hf_double_read", "hf_double_other"
ACCOUNTS = {
    WRITE: Account("user", ("org", "other-org")),
    READ: Account("user", ("org", "other-org"), role="read"),
    OTHER: Account("stranger"),
}


def account_of(tokens: Mapping[str, Account], authorization: str | None) -> Account | None:
    """Return whose token a request carries, None for a request without one.

    Raises:
        Refusal: There is no such token; the Hub says so even where none is needed.
    """
    if authorization is None:
        return None
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or token not in tokens:
        raise Refusal(401, "Invalid credentials in Authorization header")
    return tokens[token]


def check_known(account: Account | None) -> Account:
    """Let nobody in without a token."""
    if account is None:
        raise Refusal(401, "Invalid username or password.")
    return account


def check_read(account: Account | None, repo: Repo | None) -> Repo:
    """Show a repository to those who may see it; a private one does not exist for the others.

    Without a token the Hub answers 401, for missing and private ones alike. It sends no code with that: the clients
    tell it by the address, but only one that begins with https, so over plain HTTP the code has to say it.
    """
    if repo is not None:
        namespace = repo.id.partition("/")[0]
        if not repo.settings.private or (account is not None and account.belongs(namespace)):
            return repo
    if account is None:
        raise Refusal(401, "Invalid username or password.", "RepoNotFound")
    raise no_repo()


def check_content(account: Account | None, repo: Repo) -> None:
    """Give the files of a gated repository only to those who accepted its terms, and to its own people."""
    if not repo.settings.gated:
        return
    if account is None:
        text = f"Access to {repo.kind} {repo.id} is restricted. You must have access to it and be authenticated"
        raise Refusal(401, f"{text} to access it. Please log in.", "GatedRepo")
    if not account.belongs(repo.id.partition("/")[0]) and repo.id not in account.accepted:
        text = f"Access to {repo.kind} {repo.id} is restricted and you are not in the authorized list."
        raise Refusal(403, text, "GatedRepo")


def check_write(account: Account | None, namespace: str, what: str) -> Account:
    """Let only those write whose namespace it is, and only with a token for writing."""
    account = check_known(account)
    if account.role != "write" or not account.belongs(namespace):
        raise Refusal(403, f'You don\'t have the rights to {what} under the namespace "{namespace}"')
    return account
