from pathlib import Path

import pytest

from tests.server.config.load import SECRET, load, load_problems

GOOD_DIGEST = "hmac-sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{grpc_listen: '127.0.0.1'}", "1: server.grpc_listen: '127.0.0.1' is no address: an address is host:port"),
        ("{grpc_listen: ':80'}", "1: server.grpc_listen: ':80' is no address"),
        ("{grpc_listen: '::1:80'}", "1: server.grpc_listen: '::1:80' is no address"),
        ("{grpc_listen: '1.2.3.400:80'}", "1: server.grpc_listen: '1.2.3.400:80' is no address: the host is no IPv4"),
        ("{grpc_listen: '[::g]:80'}", "1: server.grpc_listen: '[::g]:80' is no address"),
        ("{grpc_listen: 'a:65536'}", "1: server.grpc_listen: 'a:65536' is no address: a port is at most 65535"),
        (
            "{grpc_listen: '127.0.0.1:5', http_listen: '127.0.0.1:5'}",
            "1: server.http_listen: this is also the address of server.grpc_listen",
        ),
        ("{grpc_tls: {key: k}}", "1: server.grpc_tls.certificate: this key is required"),
        ("{http_tls: {certificate: nowhere.pem, key: k}}", "1: server.http_tls.certificate: the file "),
        (
            '{http_tls: {certificate: "-----BEGIN\\n-----END", key: k}}',
            "1: server.http_tls.certificate: this is the path of a PEM file, not its content",
        ),
    ],
)
def test_listeners_and_certificates_are_checked(tmp_path: Path, text: str, expected: str) -> None:
    assert any(problem.startswith(expected) for problem in load_problems(tmp_path, f"server: {text}"))


def test_several_listeners_may_ask_for_any_free_port(tmp_path: Path) -> None:
    loaded = load(tmp_path, "server: {grpc_listen: '127.0.0.1:0', http_listen: '127.0.0.1:0'}")
    assert loaded.server.http_listen == "127.0.0.1:0"


def test_relative_paths_of_certificates_start_at_the_file(tmp_path: Path) -> None:
    for name in ("a.pem", "b.pem"):
        (tmp_path / name).touch()
    tls = load(tmp_path, f"server: {{grpc_tls: {{certificate: a.pem, key: {tmp_path}/b.pem}}}}").server.grpc_tls
    assert tls is not None
    assert (tls.certificate, tls.key) == (str(tmp_path / "a.pem"), str(tmp_path / "b.pem"))


@pytest.mark.parametrize(
    ("keys", "path", "expected"),
    [
        ("{name: a}", "auth.keys[0]", "a key has either `key` (by reference) or `digest`"),
        ("{name: a, key: '${S}', digest: '" + GOOD_DIGEST + "'}", "auth.keys[0]", "a key has either"),
        ("{name: a, key: plain-text-that-is-long-enough}", "auth.keys[0].key", "a secret is given by reference, never"),
        ("{name: a, key: '${UNSET:-a-default-that-is-long-enough}'}", "auth.keys[0].key", "a secret is given by ref"),
        ("{name: a, key: '$${S}'}", "auth.keys[0].key", "a secret is given by reference, never literal"),
        ("{name: a, key: '${SHORT}'}", "auth.keys[0].key", "this secret is shorter than 24 characters; make one with"),
        ("{name: a, key: '${WORDS}'}", "auth.keys[0].key", "this secret is made of well-known words; make one with"),
        ("{name: a, key: '${SAME}'}", "auth.keys[0].key", "this secret has fewer than 6 different characters; make"),
        ("{name: a, key: '${SPACE}'}", "auth.keys[0].key", "this secret holds a space or a character that HTTP"),
        ("{name: a, key: '${LONG}'}", "auth.keys[0].key", "this secret is longer than 512 characters"),
        ("{name: a, key: '${EMPTY}'}", "auth.keys[0].key", "this secret is shorter than 24 characters"),
        ("{name: 'a b', key: '${S}'}", "auth.keys[0].name", "this should match pattern"),
        ("{name: a, key: '${S}'}, {name: a, digest: '" + GOOD_DIGEST + "'}", "auth.keys[1].name", "auth.keys[0] has"),
        ("{name: a, key: '${S}'}, {name: b, key: '${S}'}", "auth.keys[1]", "auth.keys[0] has the same secret"),
        ("{name: a, digest: '" + GOOD_DIGEST + "', models: '*'}", "auth.keys[0].models", "a list is needed here"),
        ("{name: a, digest: '" + GOOD_DIGEST + "', labels: {a: 1}}", "auth.keys[0].labels.a", "a text is needed here"),
    ],
)
def test_keys_that_would_guard_nothing_are_refused(tmp_path: Path, keys: str, path: str, expected: str) -> None:
    environment = {
        "S": SECRET,
        "SHORT": "x7" * 11,
        "WORDS": "changeme-changeme-sk-1234567890",
        "SAME": "abcde" * 10,
        "SPACE": SECRET + " x",
        "LONG": SECRET * 20,
        "EMPTY": "",
    }
    (problem,) = load_problems(tmp_path, f"auth: {{keys: [{keys}]}}", environment)
    assert problem.startswith(f"1: {path}: {expected}")


@pytest.mark.parametrize("key", ["ci-key-that-has-24-chars", "0123456789abcdef0123456789abcdef", "a" * 18 + "-bcdef"])
def test_any_other_reference_of_24_characters_is_a_key(tmp_path: Path, key: str) -> None:
    loaded = load(tmp_path, "auth: {keys: [{name: ci, key: '${KEY}'}]}", {"KEY": key})
    secret = loaded.auth.keys[0].key
    assert secret is not None
    assert secret.get_secret_value() == key


def test_when_and_where_a_key_works_is_read(tmp_path: Path) -> None:
    text = "expires: '2027-01-31T01:00:00+01:00', ip_ranges: [10.0.0.0/8, '2001:DB8::/32'], cache_scopes: [key]"
    (key,) = load(tmp_path, f"auth: {{keys: [{{name: ci, digest: '{GOOD_DIGEST}', {text}}}]}}").auth.keys
    assert key.expires_ns == 1_801_353_600 * 10**9
    assert (key.ip_ranges, key.cache_scopes) == (("10.0.0.0/8", "2001:db8::/32"), ("key",))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("expires: '2027-01-31'", "expires: is no instant: write it with its offset, such as '2027-01-31T00:00:00Z'"),
        ("expires: '2027-01-31T00:00:00'", "expires: is no instant"),
        (
            "expires: 2027-01-31T00:00:00Z",
            "expires: YAML reads this as a timestamp, which is not supported; put it in q",
        ),
        ("expires: soon", "expires: is no instant"),
        ("expires: 12", "expires: is no instant"),
        ("ip_ranges: [10.0.0.1/8]", "ip_ranges[0]: must be a network such as 10.0.0.0/8"),
        ("ip_ranges: [everywhere]", "ip_ranges[0]: must be a network such as 10.0.0.0/8"),
        ("cache_scopes: [world]", "cache_scopes[0]: "),
    ],
)
def test_bounds_of_keys_that_bound_nothing_are_refused(tmp_path: Path, text: str, expected: str) -> None:
    (problem,) = load_problems(tmp_path, f"auth: {{keys: [{{name: a, digest: '{GOOD_DIGEST}', {text}}}]}}")
    assert problem.startswith(f"1: auth.keys[0].{expected}")


def test_teams_nest(tmp_path: Path) -> None:
    teams = load(
        tmp_path, "auth: {teams: [{name: web, parent: product, display_name: Web}, {name: product}]}"
    ).auth.teams
    assert [(team.name, team.parent) for team in teams] == [("web", "product"), ("product", "")]


@pytest.mark.parametrize(
    ("teams", "path", "expected"),
    [
        ("{name: a, parent: a}", "auth.teams", "the team a is a part of itself"),
        (
            "{name: a, parent: b}, {name: b, parent: c}, {name: c, parent: b}",
            "auth.teams",
            "the team a is a part of it",
        ),
        ("{name: a}, {name: a}", "auth.teams", "the team a stands here twice"),
        ("{name: 'a b'}", "auth.teams[0].name", "this should match pattern"),
    ],
)
def test_teams_that_cannot_be_are_refused(tmp_path: Path, teams: str, path: str, expected: str) -> None:
    (problem,) = load_problems(tmp_path, f"auth: {{teams: [{teams}]}}")
    assert problem.startswith(f"1: {path}: {expected}")


def test_the_pepper_is_a_secret_as_keys_are(tmp_path: Path) -> None:
    assert load_problems(tmp_path, "auth: {pepper: salt}")[0].startswith("1: auth.pepper: a secret is given by ref")
    assert load_problems(tmp_path, "auth: {pepper: '${P}'}", {"P": "salt"})[0].startswith("1: auth.pepper: this secret")


@pytest.mark.parametrize(
    ("providers", "path", "expected"),
    [
        ("{opnai: {}}", "providers.opnai", "this name is no known vendor, so it needs `dialect`; did you mean openai?"),
        ("{x: {dialect: opena}}", "providers.x.dialect", "'opena' is no dialect; did you mean openai?"),
        ("{x: {dialect: openai}}", "providers.x", "this provider needs `base_url`"),
        ("{'X/y': {dialect: mock}}", "providers.'X/y'", "a provider's name has lower-case letters"),
        ("{x: {dialect: openai, base_url: 'ftp://h/v1'}}", "providers.x.base_url", "a base URL starts with http://"),
        ("{x: {dialect: openai, base_url: 'https://'}}", "providers.x.base_url", "a base URL starts with http://"),
        ("{x: {dialect: openai, base_url: 'http://h:x'}}", "providers.x.base_url", "this is no URL"),
        ("{x: {dialect: openai, base_url: 'http://u:p@h'}}", "providers.x.base_url", "a base URL holds no credentials"),
        (
            "{x: {dialect: llmgateway, base_url: 'http://h:1/v1'}}",
            "providers.x.base_url",
            "the address of another gateway",
        ),
        ("{x: {dialect: llmgateway}}", "providers.x", "this provider needs `base_url`"),
        ("{x: {dialect: openai, base_url: 'http://h?a=b'}}", "providers.x.base_url", "a base URL has no query"),
        ("{openai: {script: {}}}", "providers.openai.script", "only the dialect mock has a script"),
        ("{openai: {api_keys: [sk-a]}}", "providers.openai.api_keys[0]", "this looks like a real key; give it by ref"),
        (
            "{openai: {api_keys: [none, abcdefghijklmnopqrst]}}",
            "providers.openai.api_keys[1]",
            "this looks like a real",
        ),
        ("{openai: {api_keys: ['${EMPTY}']}}", "providers.openai.api_keys[0]", "a key has visible ASCII characters"),
        ("{openai: {api_keys: ['${LINES}']}}", "providers.openai.api_keys[0]", "a key has visible ASCII characters"),
    ],
)
def test_providers_that_cannot_be_called_are_refused(tmp_path: Path, providers: str, path: str, expected: str) -> None:
    environment = {"EMPTY": "", "LINES": "a\r\nx-injected: 1"}
    (problem,) = load_problems(tmp_path, f"providers: {providers}", environment)
    assert problem.startswith(f"1: {path}: {expected}")


@pytest.mark.parametrize("key", ["none", "ollama", "EMPTY", "token-abc123"])
def test_placeholders_of_local_servers_may_be_literal(tmp_path: Path, key: str) -> None:
    provider = load(tmp_path, f"providers: {{ollama: {{api_keys: [{key}]}}}}").providers["ollama"]
    assert [secret.get_secret_value() for secret in provider.api_keys or ()] == [key]


@pytest.mark.parametrize(
    ("routes", "path", "expected"),
    [
        ("{a: opnai/x}", "routes.a", "'opnai/x' is no route, and names no configured provider; did you mean openai?"),
        ("{a: x}", "routes.a", "'x' is no route, and no provider/model; known here: mock, openai"),
        ("{a: openai}", "routes.a", "'openai' is a provider; a route leads to another route or to provider/model"),
        ("{a: openai/}", "routes.a", "'openai/' is a provider"),
        ("{a: /x}", "routes.a", "'/x' is no route, and names no configured provider; known here: mock, openai"),
        ("{a: a}", "routes.a", "this leads in a circle: a → a"),
        ("{openai/x: mock/x}", "routes.'openai/x'", "this name would hide a provider's model"),
        ("{'a b': mock/x}", "routes.'a b'", "a route's name has 1 to 200 visible ASCII characters"),
        ("{a: ''}", "routes.a", "'' is no route, and no provider/model; known here: mock, openai"),
        ("{a: 5}", "routes.a", "a text is needed here, and YAML reads this one as a number"),
        ("{a: yes}", "routes.a", "a text is needed here, and YAML reads this one as true or false"),
        ("{a: [mock/x]}", "routes.a", "keys with values are needed here"),
        ("{a: }", "routes.a", "keys with values are needed here"),
    ],
)
def test_routes_that_lead_nowhere_are_refused(tmp_path: Path, routes: str, path: str, expected: str) -> None:
    (problem,) = load_problems(tmp_path, f"{{providers: {{openai: , mock: }}, routes: {routes}}}")
    assert problem.startswith(f"1: {path}: {expected}")


def test_models_of_a_route_may_hold_slashes_and_route_names_too(tmp_path: Path) -> None:
    loaded = load(tmp_path, "{providers: {openrouter: }, routes: {team/small: openrouter/openai/gpt-4o-mini}}")
    assert loaded.routes["team/small"].otherwise == "openrouter/openai/gpt-4o-mini"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("models: {openai/x: {price: {inptu: 1}}}", "models.'openai/x'.price.inptu: unknown word; did you mean input?"),
        ("models: {openai/x: {tags: {'a b': c}}}", "models.'openai/x'.tags.'a b': this should match pattern"),
        ("models: {openai/x: {tags: {region: [eu]}}}", "models.'openai/x'.tags.region: a text is needed here"),
        ("providers: {mock: {credentials: asw}}", "providers.mock.credentials: unknown word; did you mean aws?"),
        ("resilience: {braker: {}}", "resilience.braker: unknown key; did you mean breaker?"),
        ("resilience: {retry: {attempt: 2}}", "resilience.retry.attempt: unknown key; did you mean attempts?"),
        ("resilience: {breaker: {failure: 2}}", "resilience.breaker.failure: unknown key; did you mean failures?"),
        ("just text", "keys with values are needed here"),
    ],
)
def test_unknown_keys_and_words_come_with_the_nearest_one(tmp_path: Path, text: str, expected: str) -> None:
    (problem,) = load_problems(tmp_path, text, {"OPENAI_API_KEY": "key"})
    assert problem.startswith(f"1: {expected}")
