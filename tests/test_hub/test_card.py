"""Which cards are turned down."""

import pytest
from hub import Server
from hub.card import validate
from hub.card_lists import LICENSES, languages
from test_hub.calls import Client, call, commit

CONFIG = "configs:\n- config_name: a\n  data_files: {}\n"
WRONG = {
    "license: [mit": "Invalid YAML",
    "license: mit\nlicense: mit": "duplicated mapping key: license",
    "- a\n- b": "metadata must be an object",
    "license: MIT": '"license" must be one of [apache-2.0, mit,',
    "license: agpl-3.0-or-later": '"license" must be one of',
    "license: [mit, gpl-4.0]": '"license[1]" must be one of',
    "license: 3": '"license" must be one of',
    "task_categories: [text-generation, chat]": '"task_categories[1]" must be one of',
    "task_categories: conversational": '"task_categories" must be one of',
    "size_categories: [1K-10K]": '"size_categories[0]" must be one of',
    "size_categories: 1k<n<10k": '"size_categories" must be one of',
    "language: [de, german]": '"language[1]" with value "german" is not valid. It must be an ISO 639-1',
    "language: de-DE": '"language" with value "de-DE" is not valid',
    "language: DE": '"language" with value "DE" is not valid',
    "language: [no]": '"language[0]" must be a string',
    "pretty_name: 3": '"pretty_name" must be a string',
    "tags: [1]": '"tags" must be an array of strings',
    "configs: a": '"configs" must be an array of objects',
    "configs: [a]": '"configs" must be an array of objects',
    "configs:\n- config_name: a": '"configs[0]" has no data_files',
    "configs:\n- config_name: a/b\n  data_files: x": '"configs[0].config_name" must be',
    "configs:\n- config_name: a\n  default: yes please\n  data_files: x": '"configs[0].default" must be a boolean',
    "configs:\n- {config_name: a, data_files: x}\n- {config_name: a, data_files: y}": 'two configs called "a"',
    "configs:\n- {config_name: a, data_files: x, default: true}\n- {config_name: b, data_files: y, default: true}": (
        "more than one default"
    ),
    CONFIG.format("[]"): '"configs[0].data_files" must be a path',
    CONFIG.format("{train: x}"): '"configs[0].data_files" must be a path',
    CONFIG.format("[x, {split: train, path: y}]"): '"configs[0].data_files" must be a path',
    CONFIG.format("[{split: train, path: []}]"): '"configs[0].data_files" must be a path',
    CONFIG.format("[{split: train}]"): '"configs[0].data_files" must be a path',
    CONFIG.format("[{split: tr-ain, path: x}]"): "split name must match",
    CONFIG.format("[{path: x}]"): "split name must match",
    CONFIG.format("[{split: train, path: x}, {split: train, path: y}]"): 'has split "train" twice',
}
RIGHT = [
    "license: mit",
    "license: other\nlicense_name: my-license-1.0\nlicense_link: LICENSE",
    "license: other",
    "language: [de, tgl, code, multilingual, 'no']",
    "language: de",
    "task_categories: [text-generation]\nsize_categories: [n<1K]\npretty_name: Ünï\ntags: [synthetic]",
    "configs:\n- config_name: a\n  default: true\n  data_files: [x, y]\n- {config_name: b, data_dir: b}",
    CONFIG.format("[{split: train, path: [x, y]}, {split: test.de, path: z}]"),
    "anything: else\ndataset_info:\n- config_name: a",
]


@pytest.mark.parametrize("head", WRONG)
def test_a_card_is_turned_down_for(head: str) -> None:
    errors, _ = validate(f"---\n{head}\n---\n# Card\n", "dataset")
    assert len(errors) == 1
    assert WRONG[head] in errors[0]


@pytest.mark.parametrize("head", RIGHT)
def test_a_card_is_taken_with(head: str) -> None:
    assert validate(f"---\n{head}\n---\n# Card\n", "dataset") == ([], [])


def test_what_is_only_warned_of() -> None:
    assert validate("# Card\n", "dataset") == ([], ["empty or missing yaml metadata in repo card"])
    errors, (warning,) = validate("---\nlicense: other\nlicense_name: My License\n---\n", "dataset")
    assert (errors, '"license_name"' in warning) == ([], True)
    assert validate("---\nconfigs: a\n---\n", "model")[0] == []


def test_the_lists_are_whole() -> None:
    assert len(LICENSES) == len(set(LICENSES)) == 82
    assert {"de", "deu", "arb", "cmn", "code"} <= languages()
    assert len([code for code in languages() if len(code) == 2]) > 180


def test_the_clients_say_what_is_wrong(server: Server, client: Client) -> None:
    if client("hub.__version__").startswith("1."):
        pytest.skip("huggingface_hub 1 sends cards to huggingface.co, whatever its endpoint is")
    client("hub.DatasetCard('---\\nlicense: mit\\n---\\n').validate(repo_type='dataset')")
    failed = client.fails("hub.DatasetCard('---\\nlicense: MIT\\n---\\n').validate(repo_type='dataset')")
    assert (failed.kind, '\\"license\\" must be one of' in failed.text) == ("ValueError", True)
    reply = call(f"{server.url}/api/validate-yaml", "POST", {"content": "---\na: [\n---\n", "repoType": "dataset"})
    assert (reply.status, list(reply.body["errors"][0])) == (400, ["message"])


def test_a_commit_whose_card_does_not_fit_its_files_is_refused(server: Server) -> None:
    repo = server.create("org/card")
    url = f"{server.url}/api/datasets/org/card/commit/main"
    card = {"path": "README.md", "content": "---\n" + CONFIG.format("[{split: train, path: data/*.jsonl}]") + "---\n"}
    data = {"path": "data/a.jsonl", "content": '{"a": 1}\n'}

    def push(*operations: tuple[str, dict[str, str]]) -> tuple[int, str]:
        reply = call(url, "POST", commit(*operations), server.token)
        return reply.status, reply.body.get("error", "")

    assert push(("file", card)) == (
        400,
        'Invalid metadata in README.md.\n- config "a": no file matches data/*.jsonl',
    )
    assert push(("file", card), ("file", data | {"path": "data/deep/a.jsonl"}))[0] == 400
    assert push(("file", card), ("file", data))[0] == 200
    assert push(("deletedFolder", {"path": "data/"}))[0] == 400
    assert push(("deletedFile", {"path": "data/a.jsonl"}), ("file", data | {"path": "data/b.jsonl"}))[0] == 200
    assert push(("file", card | {"content": "---\nlicense: MIT\n---\n"}))[0] == 400
    assert repo.files() == [".gitattributes", "README.md", "data/b.jsonl"]
