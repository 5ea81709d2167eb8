from pathlib import Path

import pytest
from arbitrage.errors import RecipeError
from arbitrage.recipe.reader import read_published, read_recipe
from recipe.minimal import ENVIRON, TEXT, read, write

SECRET = "hf_abcdefgh"
TWO_REWARDS = "{a: {python: chrf}, b: {python: exact_match}}"


@pytest.fixture
def refusal(tmp_path):
    def refusal(text, environ=ENVIRON):
        with pytest.raises(RecipeError) as caught:
            read(tmp_path, text, environ)
        assert SECRET not in str(caught.value)
        return str(caught.value).replace(f"{tmp_path}/", "").splitlines()

    return refusal


def changed(old, new):
    assert old in TEXT
    return TEXT.replace(old, new)


def test_a_recipe(tmp_path):
    recipe = read(tmp_path)
    assert recipe.languages == ["de", "no"]
    assert recipe.teachers["other"].endpoint == ["https://two/v1"]
    assert recipe.teachers["other"].token == SECRET
    assert SECRET not in repr(recipe)
    assert recipe.test == 0.05


def test_a_revision_of_digits_is_text(tmp_path):
    recipe = read(tmp_path, changed("{path: prompts.jsonl, ", "{path: org/name, revision: 0123456, "))
    assert recipe.prompts[0].revision == "0123456"


@pytest.mark.parametrize("revision", ["1234567", "12e34", "1.0"])
def test_a_revision_that_yaml_reads_as_a_number(refusal, revision):
    lines = refusal(changed("{path: prompts.jsonl, ", f"{{path: org/name, revision: {revision}, "))
    assert lines == [
        f'recipe.yaml:5: prompts.0.revision: {revision} was read as a number; put it in quotes: "{revision}"'
    ]


def test_a_revision_too_large_for_a_number(refusal):
    assert "put it in quotes" in refusal(changed("model: org/aya", "model: m\n    revision: 12e34567"))[0]


def test_text_where_yaml_reads_yes_or_no(refusal):
    (line,) = refusal(changed("model: org/aya", "model: true"))
    assert line.endswith('teachers.aya.model: true was read as a yes/no value; put it in quotes: "true"')


def test_every_problem_in_one_go_in_the_order_of_lines(refusal):
    text = TEXT.replace("model: org/aya", "modle: org/aya").replace("api: openai", "api: opnai")
    text = text.replace("languages: [de, no]", "languages: [de, no, Deutsch]") + "sead: 1\ntest: 2\n"
    assert refusal(text) == [
        "recipe.yaml:3: languages.2: 'Deutsch' is not a language tag such as de, zh or sr-Latn",
        "recipe.yaml:7: teachers.aya.model: missing; this key has no default",
        "recipe.yaml:10: teachers.aya.modle: unknown key; did you mean 'model'?",
        "recipe.yaml:14: teachers.other.api: 'opnai' is not known; did you mean 'openai'?",
        "recipe.yaml:18: sead: unknown key; did you mean 'seed'?",
        "recipe.yaml:19: test: should be less than 1, not 2",
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("license: cc0-1.0\n", "", ":1: license: missing; this key has no default"),
        ("license: cc0-1.0", "license:", ":2: license: is empty; give it a value or take the key out"),
        ("name: small", "name: small\nlicense_override: ' '", ":2: license_override: is blank; say why the"),
        ("name: small", "name: so much blank", ":1: name: String should match pattern"),
        ("prompts.jsonl", "''", ":5: prompts.0.path: String should have at least 1 character"),
        ("[de, no]", "[]", ":3: languages: List should have at least 1 item"),
        ("[de, no]", "de", ":3: languages: should be a valid list, not 'de'"),
        ("[de, no]", "[de, no, de]", ":3: languages.2: 'de' is listed twice"),
        ("api: tgi", "api: tgl", ":9: teachers.aya.api: 'tgl' is not known; did you mean 'tgi'?"),
        ("api: tgi", "api: grpc", ":9: teachers.aya.api: 'grpc' is not known; known here: tgi, openai"),
        ("http://one:8080", "one:8080", ":8: teachers.aya.endpoint: is not an endpoint such as http://"),
        ("http://one:8080", "7", ":8: teachers.aya.endpoint: should be"),
        (
            "language: de}",
            "language: fr}",
            ":5: prompts.0.language: 'fr' is not among the recipe's languages",
        ),
        ("language: de}", "columns: {prompt: p}}", ":5: prompts.0: give either language: or columns: {lang"),
        ("language: de}", "language: de, splt: x}", "prompts.0.splt: unknown key; did you mean 'split'?"),
        ("language: de}", "language: de, columns: {prompt: p, text: t}}", ":5: prompts.0: a carried column"),
        (
            "router: random",
            "router: random, teacher: ayaa",
            "random.teacher: no teacher is called 'ayaa'",
        ),
        ("router: random", "router: random, teacher: ayaa", "; did you mean 'aya'?"),
        ("  random:", "  pool:", ":17: arms.pool: 'pool' is not an arm"),
        ("  aya:", "  a/b:", ":7: teachers.a/b: 'a/b' is not a name"),
        ("arms:", "route_by: chrf\narms:", ":16: route_by: no reward is called 'chrf'"),
        ("arms:", f"rewards: {TWO_REWARDS}\narms:", ": route_by: say which of the rewards routes: a, b"),
    ],
)
def test_refusals(refusal, old, new, message):
    (line,) = refusal(changed(old, new))
    assert message in line


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("sampling: {temprature: 1}", "sampling.temprature: unknown key; did you mean 'temperature'?"),
        ("sampling: {top_p: 2}", "sampling.top_p: should be less than or equal to 1, not 2"),
        ("sampling: {temperature: nan}", "sampling.temperature: should be a finite number"),
        ("languages: [fr]", "languages.0: 'fr' is not among the recipe's languages (de, no)"),
        ("system: {fr: x}", "system.fr: 'fr' is not among the recipe's languages (de, no)"),
        ("system: {xxxx: x}", "system.xxxx: 'xxxx' is not a language tag"),
        ("price: {input: 1}", "price: give {input: ..., output: ...}"),
        ("price: 3", "price: should be a block of keys (name: value), not 3"),
        ("price: {hours: 3}", "price.hours: unknown key; did you mean 'hour'?"),
        ("deadline: 3 days", "deadline: '3 days' is not a time such as 30s, 15m or 2h"),
        ("concurrency: lots", "concurrency: should be a valid integer, not 'lots'"),
    ],
)
def test_refusals_in_a_teacher(refusal, more, message):
    (line,) = refusal(changed("api: tgi", f"api: tgi\n    {more}"))
    assert line.startswith(f"recipe.yaml:10: teachers.aya.{message}")


def test_a_name_that_two_teachers_would_be_published_under(refusal):
    text = TEXT.replace("  aya:", "  a-b:").replace("  other:", "  a.b:")
    assert refusal(text) == [
        "recipe.yaml:11: teachers.a.b: is published as ${TEACHER_URL_a_b}, as 'a-b' is: rename one"
    ]


SAME = """\
  again:
    endpoint: http://three
    api: tgi
    model: org/aya
"""


def test_teachers_that_would_answer_alike(refusal):
    assert refusal(changed("arms:", SAME + "arms:")) == [
        "recipe.yaml:16: teachers.again: would answer as 'aya' does: list both endpoints under one teacher, "
        "or name another model:"
    ]


def test_sampling_spelled_out_is_no_difference(refusal):
    same = SAME + "    sampling: {temperature: 0.3}\n"
    assert "would answer as 'aya' does" in refusal(changed("arms:", same + "arms:"))[0]


def test_a_name_on_the_server_is_no_difference(refusal):
    # It is no part of a completion's identity: one teacher's answers would be taken for the other's.
    same = SAME + "    served_as: x\n"
    assert "would answer as 'aya' does" in refusal(changed("arms:", same + "arms:"))[0]


@pytest.mark.parametrize(
    "difference",
    [
        "revision: v2",
        "format: raw",
        "system: {de: x}",
        "sampling: {top_p: 0.5}",
        "extra: {a: 1}",
    ],
)
def test_teachers_that_differ_may_share_an_endpoint(tmp_path, difference):
    text = changed("arms:", SAME.replace("three", "one:8080") + f"    {difference}\narms:")
    assert list(read(tmp_path, text).teachers) == ["aya", "other", "again"]


def test_the_environment_is_read_in_any_text(tmp_path):
    text = changed("path: prompts.jsonl", 'path: "${DATA}/x-${N}.jsonl"').replace("org/aya", "${ORG}/aya")
    recipe = read(tmp_path, text, {**ENVIRON, "DATA": "/data", "N": "no", "ORG": "me"})
    assert recipe.prompts[0].path == "/data/x-no.jsonl"
    assert recipe.teachers["aya"].model == "me/aya"


def test_what_the_environment_gives_is_not_read_again(tmp_path):
    recipe = read(tmp_path, changed("org/aya", "${A}"), {**ENVIRON, "A": "${OTHER_TOKEN}"})
    assert recipe.teachers["aya"].model == "${OTHER_TOKEN}"


@pytest.mark.parametrize("text", ["$HOME", "${}", "${1A}", "$(ls)", "a$b", "$$"])
def test_other_dollars_stay(tmp_path, text):
    assert read(tmp_path, changed("org/aya", f"'{text}'")).teachers["aya"].model == text


def test_unset_variables_are_named_with_their_keys(refusal):
    assert refusal(TEXT, {}) == [
        "recipe.yaml:12: teachers.other.endpoint: environment variable OTHER_URL is not set; export it first",
        "recipe.yaml:13: teachers.other.token: environment variable OTHER_TOKEN is not set; export it first",
    ]


def test_an_unset_variable_hides_no_other_problem(refusal):
    lines = refusal(changed("name: small", "nmae: small"), {})
    assert [line.split(":")[1] for line in lines] == ["1", "1", "12", "13"]


@pytest.mark.parametrize(
    "token",
    [
        SECRET,
        f"'{SECRET}'",
        "Bearer ${OTHER_TOKEN}",
        "${A}${B}",
        f"[{SECRET}]",
        f"{{a: {SECRET}}}",
        "12345678",
    ],
)
def test_a_literal_token_is_refused_and_not_shown(refusal, token):
    (line,) = refusal(changed("${OTHER_TOKEN}", token))
    assert line.startswith("recipe.yaml:13: teachers.other.token: must be one ${NAME}, read from the")
    assert "12345678" not in line


def test_a_literal_token_through_an_alias_is_refused_too(refusal):
    text = changed("model: org/aya", f"model: &t {SECRET}").replace("${OTHER_TOKEN}", "*t")
    assert "must be one ${NAME}" in refusal(text)[0]


@pytest.mark.parametrize("value", ["", " ", f"{SECRET}\n", f"{SECRET} x", "tökän"])
def test_a_token_that_no_header_carries_is_refused_and_not_shown(refusal, value):
    (line,) = refusal(TEXT, {**ENVIRON, "OTHER_TOKEN": value})
    assert "environment variable OTHER_TOKEN is empty or holds characters that no token has" in line
    assert "ö" not in line


def test_no_token_is_fine(tmp_path):
    assert read(tmp_path, changed("    token: ${OTHER_TOKEN}\n", "")).teachers["other"].token is None
    assert read(tmp_path, changed("${OTHER_TOKEN}", "")).teachers["other"].token is None


@pytest.mark.parametrize("name", ["HF_TOKEN", "API_KEY", "my_secret", "PASSWORD"])
def test_a_secret_outside_of_token_is_refused(refusal, name):
    (line,) = refusal(changed("api: tgi", f"api: tgi\n    extra: {{auth: '${{{name}}}'}}"), {**ENVIRON, name: SECRET})
    assert f"teachers.aya.extra.auth: ${{{name}}} looks like a secret, and this key is published" in line


def test_a_secret_in_an_endpoint_is_allowed_and_never_published(tmp_path):
    text = changed("http://one:8080", "http://one/${API_KEY}")
    assert read(tmp_path, text, {**ENVIRON, "API_KEY": "k"}).teachers["aya"].endpoint == ["http://one/k"]


@pytest.mark.parametrize("url", [f"https://{SECRET}@host", f"https://host?key={SECRET}", SECRET])
def test_endpoints_are_not_shown(refusal, url):
    (line,) = refusal(TEXT, {**ENVIRON, "OTHER_URL": url})
    assert "teachers.other.endpoint: is not an endpoint" in line
    refusal(changed("http://one:8080", f'"{url}"'))


@pytest.mark.parametrize("key", ["name", "api", "deadline", "concurrency"])
def test_what_the_environment_gives_is_shown_by_name(refusal, key):
    text = TEXT.replace("name: small", "name: ${X}") if key == "name" else changed(
        "api: tgi", "api: ${X}" if key == "api" else f"api: tgi\n    {key}: ${{X}}"
    )  # fmt: skip
    lines = refusal(text, {**ENVIRON, "X": f"{SECRET} '\n\\"})
    assert any("${X}" in line for line in lines)


def test_environment_that_is_not_utf_8(refusal):
    assert "X is not UTF-8" in refusal(changed("org/aya", "${X}"), {**ENVIRON, "X": "\udcff"})[0]


def test_numbers_from_the_environment(tmp_path):
    assert read(tmp_path, TEXT + "seed: ${SEED}\n", {**ENVIRON, "SEED": "7"}).seed == 7


def test_read_published_reads_no_environment(tmp_path):
    text = changed("${OTHER_URL}", "${TEACHER_URL_other}").replace("    token: ${OTHER_TOKEN}\n", "")
    recipe = read_published(write(tmp_path, text))
    assert recipe.teachers["other"].endpoint == ["${TEACHER_URL_other}"]


def test_read_published_names_every_problem_too(tmp_path):
    with pytest.raises(RecipeError, match=r"recipe\.yaml:12: teachers\.other\.endpoint: is not an endpoint"):
        read_published(write(tmp_path))


def test_paths_in_messages_are_as_given(tmp_path, monkeypatch):
    write(tmp_path, changed("api: tgi", "api: tgl"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RecipeError, match=r"^recipe\.yaml:9: "):
        read_recipe(Path("recipe.yaml"), ENVIRON)
