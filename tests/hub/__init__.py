"""A double of the Hugging Face Hub for tests: real git repositories behind the Hub's HTTP, strict where it is.

In a test:

    with hub.serving(tmp_path) as server:
        ...                              # HF_ENDPOINT=server.url HF_TOKEN=server.token HF_HUB_DISABLE_XET=1
        server.log[0].status             # every request: `hub.Request`
        server.faults.add("refuse", "POST /api/datasets/.*/preupload", status=429, retry_after=1, times=2)
        server.faults.clear()
        server.create("org/data", private=True)
        repo = server.repo("org/data")   # what is really there, past all HTTP
        repo.path                        # the bare repository, for `git clone` and `git log`
        repo.commits(), repo.tags(), repo.files("v1.0.0"), repo.read("v1.0.0", "README.md")
        repo.push({"a.txt": "text", "old.txt": None}, message="...", author="...")

`server.token`, `read_token` and `other_token` are for `user` (in `org` and `other-org`), the same read-only, and
`stranger`. What goes wrong on demand: see `faults`.

As a process, `python tests/hub/__main__.py --folder DIR [--port N]`; see `__main__`. It is steered by
POST /__double__/faults (one fault or a list, with the fields of `hub.Fault`; {} ends them all) and read by
GET /__double__/faults, with how many requests each met, and GET /__double__/log.

Large files are answered with a redirect to a storage on another port, which believes signed addresses alone and
refuses a request that carries a token, as the Hub's does.
"""

from hub.access import Account
from hub.faults import KINDS, Fault, Faults
from hub.git import Commit
from hub.log import Request
from hub.refusal import Refusal
from hub.repo import Repo, Settings
from hub.serve import Server, serving

__all__ = [
    "KINDS",
    "Account",
    "Commit",
    "Fault",
    "Faults",
    "Refusal",
    "Repo",
    "Request",
    "Server",
    "Settings",
    "serving",
]
