"""The way of a large file: asked for on the Hub, sent to the storage, verified on the Hub."""

import re
from math import ceil
from typing import Any

from hub.lfs import Large
from hub.refusal import Refusal, no_repo
from hub.repo import Repo
from hub.wire import Answer, Ask


def batch(ask: Ask, repo: Repo) -> Answer:
    """Say where each object is to be sent; what is here already needs no sending."""
    if ask.data.get("operation") != "upload" or ask.data.get("hash_algo", "sha256") != "sha256":
        raise Refusal(422, "Only uploads by sha256")
    transfers = ask.data.get("transfers") or ["basic"]
    wanted = [_large(one) for one in ask.value("objects", list)]
    many = "multipart" in transfers and any(large.size > ask.store.multipart_above for large in wanted)
    shown = []
    for large in wanted:
        one: dict[str, Any] = {"oid": large.oid, "size": large.size}
        if not repo.objects.has(large):
            one["actions"] = _actions(ask, repo, large, many and large.size > ask.store.multipart_above)
        shown.append(one)
    return Answer.json({"transfer": "multipart" if many else "basic", "objects": shown})


def _large(value: Any) -> Large:
    try:
        large = Large(value["oid"], value["size"])
        if re.fullmatch("[0-9a-f]{64}", large.oid) and isinstance(large.size, int) and large.size > 0:
            return large
    except (KeyError, TypeError) as error:
        raise Refusal(422, f"Invalid object: {error!r}") from error
    raise Refusal(422, f"Invalid object: {value}")


def _actions(ask: Ask, repo: Repo, large: Large, in_parts: bool) -> dict[str, Any]:
    store, where = ask.store, f"/{repo.kind}s/{repo.id}/{large.oid}?size={large.size}"
    verify = {"href": f"{store.address(repo.kind, repo.id)}.git/info/lfs/objects/verify", "header": {}}
    if not in_parts:
        upload: dict[str, Any] = {"href": store.signed("PUT", store.storage_url, where), "header": {}}
        return {"upload": upload, "verify": verify}
    chunk = store.chunk_size
    header = {"chunk_size": str(chunk)}
    for number in range(1, ceil(large.size / chunk) + 1):
        length = min(chunk, large.size - (number - 1) * chunk)
        part = f"{where}&part={number}&length={length}"
        header[f"{number:05}"] = store.signed("PUT", store.storage_url, part)
    complete = f"/api/complete_multipart{where}&parts={len(header) - 1}"
    return {"upload": {"href": store.signed("POST", store.url, complete), "header": header}, "verify": verify}


def complete(ask: Ask, kind: str, name: str, oid: str) -> Answer:
    """Make an object of its parts."""
    check_signature(ask)
    repo = _repo(ask, kind, name)
    large, count = Large(oid, int(ask.query["size"])), int(ask.query["parts"])
    given = ask.value("parts", list)
    if ask.data.get("oid") != oid or [part.get("partNumber") for part in given] != list(range(1, count + 1)):
        raise Refusal(400, "The parts are not those that were asked for")
    parts = [repo.objects.part(large, number) for number in range(1, count + 1)]
    if not all(part.is_file() for part in parts) or not all(part.get("etag") for part in given):
        raise Refusal(400, "A part is missing")
    repo.objects.join(large, parts)
    return Answer.json({"success": True})


def verify(ask: Ask, repo: Repo) -> Answer:
    """Confirm that an object is here."""
    large = _large(ask.data)
    if not repo.objects.has(large):
        raise Refusal(404, f"Object {large.oid} was not uploaded")
    return Answer.json({})


def storage(ask: Ask) -> Answer:
    """Take or give bytes; a host of its own that knows nobody and believes only signatures."""
    if "Authorization" in ask.headers:
        # S3's answer to a client that sends its token along.
        raise Refusal(400, "Only one auth mechanism allowed")
    check_signature(ask)
    match ask.steps:
        case [kinds, org, name, oid]:
            repo = _repo(ask, kinds.removesuffix("s"), f"{org}/{name}")
        case _:
            raise Refusal(404, "NoSuchKey")
    large = Large(oid, int(ask.query["size"]))
    if ask.method == "GET":
        if not repo.objects.has(large):
            raise Refusal(404, "NoSuchKey")
        headers = {"ETag": f'"{oid}"', "Content-Type": "application/octet-stream"}
        return Answer(200, repo.objects.path(oid), headers).ranged(ask.headers.get("Range"))
    if "part" in ask.query:
        path, length = repo.objects.part(large, int(ask.query["part"])), int(ask.query["length"])
        return Answer(200, b"", {"ETag": f'"{repo.objects.receive_part(path, length, ask.block)}"'})
    repo.objects.receive(large, ask.block)
    return Answer(200, b"", {"ETag": f'"{oid}"'})


def _repo(ask: Ask, kind: str, name: str) -> Repo:
    repo = ask.store.find(kind, name)
    if repo is None:
        raise no_repo()
    return repo


def check_signature(ask: Ask) -> None:
    """Turn away an address that the Hub did not give for this method."""
    path, _, signature = ask.target.partition("&signature=")
    if signature != ask.store.signature(ask.method, path):
        raise Refusal(403, "SignatureDoesNotMatch")
