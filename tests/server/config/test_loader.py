from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llmgateway_server.catalog.vendors import load_vendors
from llmgateway_server.config.loader import load_settings
from llmgateway_server.config.problems import ConfigError, Problem
from llmgateway_server.config.settings import ProviderSettings

from tests.server.config.load import OTHER_SECRET, SECRET, load, load_problems

EXAMPLE_OF_THE_ISSUE = """
    server: {grpc_listen: 127.0.0.1:50051, http_listen: 127.0.0.1:8000, metrics_listen: 127.0.0.1:9464}
    auth:
      keys:
        - {name: ci, key: "${CI_KEY}", models: ["*"], team: platform, labels: {env: test}}
    providers:
      openai: {api_keys: ["${OPENAI_API_KEY}", "${file:openai-2}"]}
      local:  {dialect: openai, base_url: "http://127.0.0.1:9001/v1", api_keys: ["none"]}
      mock:   {}
    routes:
      small: openai/gpt-4o-mini
    """


def test_the_example_of_the_issue_loads_with_every_value(tmp_path: Path) -> None:
    (tmp_path / "openai-2").write_text("second\n")
    loaded = load(tmp_path, EXAMPLE_OF_THE_ISSUE, {"CI_KEY": SECRET, "OPENAI_API_KEY": "first"})
    (key,) = loaded.auth.keys
    assert (key.name, key.models, key.team, key.labels) == ("ci", ("*",), "platform", {"env": "test"})
    assert key.key is not None
    assert key.key.get_secret_value() == SECRET
    assert [secret.get_secret_value() for secret in loaded.providers["openai"].api_keys or ()] == ["first", "second"]
    assert loaded.providers["local"].base_url == "http://127.0.0.1:9001/v1"
    assert list(loaded.providers) == ["openai", "local", "mock"]
    assert {name: route.otherwise for name, route in loaded.routes.items()} == {"small": "openai/gpt-4o-mini"}


def test_units_lists_and_nested_sections_are_read(tmp_path: Path) -> None:
    loaded = load(
        tmp_path,
        """
        server: {lame_duck: 300ms, drain: 10m, reflection: false}
        limits: {request: 256MiB, error: 512B, json_depth: 12}
        timeouts: {connect: 1.5s, total: 7d}
        log: {calls: false, level: debug}
        providers: {mock: {script: {text: "Hi", tool_calls: [{name: a}]}}}
        """,
    )
    assert (loaded.server.lame_duck_s, loaded.server.drain_s, loaded.server.reflection) == (0.3, 600.0, False)
    assert (loaded.limits.request_bytes, loaded.limits.error_bytes, loaded.limits.json_depth) == (256 << 20, 512, 12)
    assert (loaded.timeouts.connect_s, loaded.timeouts.total_s) == (1.5, 7 * 86400.0)
    assert (loaded.log.calls, loaded.log.level) == (False, "debug")
    assert loaded.providers["mock"].script == {"text": "Hi", "tool_calls": [{"name": "a"}]}


@pytest.mark.parametrize("text", ["", "# nothing\n", "server:\nauth:\nlimits:\n", "auth: {keys: }\n", "---\n"])
def test_empty_files_and_sections_are_the_defaults(tmp_path: Path, text: str) -> None:
    loaded = load(tmp_path, text)
    assert loaded.server.grpc_listen == "127.0.0.1:50051"
    assert loaded.auth.keys == ()
    assert list(loaded.providers) == ["mock"]


def test_a_file_without_providers_gets_those_that_the_environment_offers(tmp_path: Path) -> None:
    loaded = load(tmp_path, "routes: {fast: groq/llama}", {"GROQ_API_KEY": "key"})
    assert list(loaded.providers) == ["mock", "groq"]


def test_a_file_with_providers_gets_no_others(tmp_path: Path) -> None:
    assert list(load(tmp_path, "providers: {mock: }", {"GROQ_API_KEY": "key"}).providers) == ["mock"]


def test_a_vendor_left_to_its_row_takes_key_and_host_from_the_environment(tmp_path: Path) -> None:
    environment = {"OPENAI_API_KEY": "key", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
    provider = load(tmp_path, "providers: {openai: {quirks: {}}}", environment).providers["openai"]
    assert provider.base_url == "http://127.0.0.1:9/v1"
    assert [key.get_secret_value() for key in provider.api_keys or ()] == ["key"]


@pytest.mark.parametrize(
    "override", ["base_url: http://127.0.0.1:9/v1", "api_keys: []", "api_keys: [none]", "dialect: openai"]
)
def test_a_key_of_the_environment_never_travels_to_another_host(tmp_path: Path, override: str) -> None:
    environment = {"OPENAI_API_KEY": SECRET, "OPENAI_BASE_URL": "http://127.0.0.1:7/v1"}
    provider = load(tmp_path, f"providers: {{openai: {{{override}}}}}", environment).providers["openai"]
    assert SECRET not in [key.get_secret_value() for key in provider.api_keys or ()]
    assert provider.base_url != "http://127.0.0.1:7/v1"


AWS = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": SECRET}


@pytest.mark.parametrize(
    ("written", "region", "key_id", "key"),
    [
        ("{}", "eu-west-1", "AKID", None),
        ("{region: us-east-1}", "us-east-1", "AKID", None),
        ('{api_keys: ["${OWN}"]}', "eu-west-1", None, "mine"),
        ('{access_key_id: "${OWN}", secret_access_key: "${OWN}"}', "eu-west-1", "mine", None),
        ("{base_url: https://proxy.example}", None, None, None),
    ],
)
def test_region_and_credentials_come_from_variables_where_the_file_leaves_them_open(
    tmp_path: Path, written: str, region: str | None, key_id: str | None, key: str | None
) -> None:
    provider = load(tmp_path, f"providers: {{bedrock: {written}}}", {**AWS, "OWN": "mine"}).providers["bedrock"]
    assert provider.region == region
    assert (provider.access_key_id and provider.access_key_id.get_secret_value()) == key_id
    assert [one.get_secret_value() for one in provider.api_keys or ()] == ([key] if key else [])


def test_a_project_of_the_environment_completes_vertex(tmp_path: Path) -> None:
    text = 'providers: {vertex: {access_token: "${T}"}}'
    problems = load_problems(tmp_path, text, {"T": "t", "GOOGLE_CLOUD_PROJECT": "p"})
    assert problems == [
        "1: providers.vertex: this provider needs `location`, which is part of its address, or `base_url`"
    ]
    provider = load(tmp_path, text, {"T": "t", "GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "global"})
    assert (provider.providers["vertex"].project, provider.providers["vertex"].location) == ("p", "global")


def test_timeouts_of_a_provider_override_the_general_ones_each_by_itself(tmp_path: Path) -> None:
    loaded = load(tmp_path, "{timeouts: {connect: 1s, gap: 2s}, providers: {mock: {timeouts: {gap: 3s}}}}")
    timeouts = loaded.providers["mock"].timeouts
    assert timeouts is not None
    assert (timeouts.connect_s, timeouts.gap_s, timeouts.total_s) == (1.0, 3.0, 600.0)


def test_numbers_and_switches_may_come_by_reference(tmp_path: Path) -> None:
    text = "{limits: {json_depth: '${DEPTH}'}, server: {reflection: '${R}', http_listen: '127.0.0.1:${PORT:-81}'}}"
    loaded = load(tmp_path, text, {"DEPTH": "7", "R": "false"})
    assert (loaded.limits.json_depth, loaded.server.reflection) == (7, False)
    assert loaded.server.http_listen == "127.0.0.1:81"


def test_every_problem_comes_at_once_with_its_line_and_the_nearest_key(tmp_path: Path) -> None:
    problems = load_problems(
        tmp_path,
        """\
        server:
          grcp_listen: 127.0.0.1:1
          http_listen: nowhere
        auth:
          keys:
            - name: ci
              key: "${MISSING}"
            - {name: ci, digest: "hmac-sha256:12", modles: []}
        provider:
          mock: {}
        limits: {json_depth: 0, request: 12}
        timeouts: {connect: 5}
        routes:
          a: nobody/model
        """,
    )
    assert [problem.split(": ")[0:2] for problem in problems] == [
        ["2", "server.grcp_listen"],
        ["3", "server.http_listen"],
        ["7", "auth.keys[0].key"],
        ["8", "auth.keys[1].digest"],
        ["8", "auth.keys[1].modles"],
        ["8", "auth.keys[1].name"],
        ["9", "provider"],
        ["11", "limits.json_depth"],
        ["11", "limits.request"],
        ["12", "timeouts.connect"],
        ["14", "routes.a"],
    ]
    by_path = {problem.split(": ")[1]: problem for problem in problems}
    assert by_path["server.grcp_listen"].endswith("unknown key; did you mean grpc_listen?")
    assert by_path["auth.keys[1].modles"].endswith("unknown key; did you mean models?")
    assert by_path["provider"].endswith("unknown key; did you mean providers?")
    assert "${MISSING}" in by_path["auth.keys[0].key"]


def test_an_unknown_key_that_is_near_none_gets_the_whole_list(tmp_path: Path) -> None:
    (problem,) = load_problems(tmp_path, "providers: {mock: {zzz: 1}}")
    known = ", ".join(ProviderSettings.model_fields)
    assert problem.endswith(f"unknown key; known here: {known}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("log: {level: info}\nlog: {level: debug}", "2: log: this key stands here twice, first in line 1"),
        ("routes: {a: mock/x, a: mock/y}", "1: routes.a: this key stands here twice, first in line 1"),
        ("routes: {on: mock/x}", "1: routes: 'on' is not read as text; put the key in quotes"),
        ("routes: {[a]: mock/x}", "1: routes: this key is not read as text; put the key in quotes"),
        ("routes: {<<: {a: mock/x}}", "1: routes: '<<' is not read as text; put the key in quotes"),
        ("a: &x 1\nb: *x", "1: this is no readable YAML: anchors and aliases are not supported: write the value out"),
        ("log: {level: !!python/name:os.system x}", "1: log.level: YAML reads this as a "),
        ("log: !thing {}", "1: log: YAML tags are not supported"),
        ("a: 1\n\tb: 2", "2: this is no readable YAML: "),
        ("a: [1", "1: this is no readable YAML: "),
        ("--- {}\n--- {}", "2: this is no readable YAML: "),
        ("a: \x00", "1: this is no readable YAML: a character is not allowed in YAML"),
        ("[" * 50 + "]" * 50, "1: this is no readable YAML: it nests deeper than 32 levels"),
        ("[" * 100_000, "1: this is no readable YAML: it nests deeper than 32 levels"),
        ("- 1", "1: keys with values are needed here"),
        ("server: 5", "1: server: keys with values are needed here"),
        ("auth: {keys: {a: 1}}", "1: auth.keys: a list is needed here, such as [a, b]"),
        ("auth: {keys: [1]}", "1: auth.keys[0]: keys with values are needed here"),
        ("log: {level: }", "1: log.level: this key has no value: give one, or leave the key out"),
        ("log: {level: no}", "1: log.level: a text is needed here, and YAML reads this one as true or false"),
        ("log: {calls: 'yes'}", "1: log.calls: true or false is needed here"),
        (
            "auth: {keys: [{digest: 12}]}",
            "1: auth.keys[0].digest: a text is needed here, and YAML reads this one as a num",
        ),
        ("limits: {json_depth: 010}", "1: limits.json_depth: this number cannot be read"),
        ("limits: {json_depth: 0x10}", "1: limits.json_depth: this number cannot be read"),
        ("limits: {json_depth: 1_0}", "1: limits.json_depth: this number cannot be read"),
        ("limits: {json_depth: 1:30}", "1: limits.json_depth: this number cannot be read"),
        ("limits: {json_depth: 6.5}", "1: limits.json_depth: a whole number is needed here"),
        ("limits: {json_depth: true}", "1: limits.json_depth: a whole number is needed here"),
        ("limits: {json_depth: " + "9" * 5000 + "}", "1: limits.json_depth: this number cannot be read"),
        ("limits: {json_depth: 513}", "1: limits.json_depth: this should be less than or equal to 512"),
        ("providers: {mock: {script: {x: .nan}}}", "1: providers.mock.script.x: a number must be finite"),
        ("providers: {mock: {script: {x: 2026-01-01}}}", "1: providers.mock.script.x: YAML reads this as a timestamp"),
        ("timeouts: {connect: 0s}", "1: timeouts.connect: this should be greater than 0"),
        ("timeouts: {connect: 5.0}", "1: timeouts.connect: a duration is a number with a unit"),
        ("timeouts: {connect: 400d}", "1: timeouts.connect: a duration is at most 366d"),
        ("timeouts: {connect_s: 5.0}", "1: timeouts.connect_s: unknown key; did you mean connect?"),
        ("limits: {request: 1KB}", "1: limits.request: a size is a whole number with a unit"),
        ("limits: {request: 65GiB}", "1: limits.request: a size is at most 64GiB"),
    ],
)
def test_each_slip_has_a_sentence(tmp_path: Path, text: str, expected: str) -> None:
    assert load_problems(tmp_path, text)[0].startswith(expected)


def test_long_and_odd_names_are_shortened_and_stay_on_one_line(tmp_path: Path) -> None:
    long = "x" * 1000
    problems = load_problems(tmp_path, f'{{{long}: 1, "a\\nb\\e[31m": 1, routes: {{r: {long}/m}}}}')
    assert len(problems) == 3
    assert all(len(problem) < 200 for problem in problems)
    assert any("'a\\nb\\x1b[31m'" in problem for problem in problems)


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "gateway.yaml").write_bytes(b"\xef\xbb\xbflog: {level: debug}")
    assert load_settings(tmp_path / "gateway.yaml", {}, load_vendors()).log.level == "debug"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a: b\nc: \xff\n", ":2: the file is not UTF-8"),
        (b"#" * (1024**2 + 1), ": the file is larger than 1048576 bytes"),
        (None, ": the file cannot be read: No such file or directory"),
    ],
)
def test_a_file_that_is_no_text_or_absent_is_refused(tmp_path: Path, content: bytes | None, expected: str) -> None:
    path = tmp_path / "gateway.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_settings(path, {}, load_vendors())
    assert str(caught.value) == f"{path}{expected}"


def test_no_secret_shows_in_any_error_or_in_the_settings(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(OTHER_SECRET)
    environment = {"S": SECRET}
    for place in [
        "{server: {grpc_listen: '${S}'}}",
        "{server: {grpc_tls: {certificate: '${S}', key: '${file:secret}'}}}",
        "{limits: {json_depth: '${S}', request: '${S}'}}",
        "{timeouts: {connect: '${file:secret}'}}",
        "{auth: {keys: [{name: '${S}!', key: '${S}', digest: '${S}'}, {name: '${S}!', key: '${S}'}]}}",
        "{auth: {keys: [{name: a, key: 'literal-" + SECRET + "'}]}}",
        "{auth: {keys: [{name: a, key: '${S} ${file:secret}'}]}}",
        "{auth: {pepper: '" + SECRET + "'}}",
        "{providers: {openai: {api_keys: ['" + SECRET + "', '${S}\\n'], base_url: '${S}', dialect: '${S}'}}}",
        "{providers: {openai: {base_url: 'http://a:${S}@b'}}}",
        "{routes: {a: '${S}', b: '${S}/x'}}",
        "{log: {level: '${S}'}}",
        "{log: {level: '${S} ${MISSING}'}}",
        "{log: {level: '${S} ${file:missing}'}}",
    ]:
        problems = load_problems(tmp_path, place, environment)
        assert problems
        assert not any(SECRET in problem or OTHER_SECRET in problem for problem in problems), problems
    loaded = load(
        tmp_path, "{auth: {keys: [{name: a, key: '${S}'}], pepper: '${file:secret}'}, providers: {groq: }}", environment
    )
    assert SECRET not in repr(loaded)
    assert OTHER_SECRET not in str(loaded)


yaml_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "server",
                    "auth",
                    "keys",
                    "key",
                    "name",
                    "providers",
                    "openai",
                    "routes",
                    "quirks",
                    "api_keys",
                    "limits",
                ]
            )
            | st.text(max_size=6),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(text=st.text(alphabet="ab:-[]{}&*!|>'\"%@`#,? \n\t${}0159.~", max_size=60) | yaml_values.map(repr))
def test_no_text_raises_anything_but_a_config_error(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("random") / "gateway.yaml"
    path.write_text(text, encoding="utf-8", errors="replace")
    problems: tuple[Problem, ...] = ()
    lines: list[str] = []
    try:
        load_settings(path, {}, load_vendors())
    except ConfigError as error:
        problems, lines = error.problems, str(error).splitlines()
    # Nothing that stands in the file can forge a second line of the report.
    assert len(lines) == len(problems)
