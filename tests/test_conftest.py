"""What `STRICT=1` makes of tests that do not run."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

CONFTEST = Path(__file__).with_name("conftest.py")

OPTIONS = ["--strict-markers", "-o", "asyncio_default_fixture_loop_scope=function"]

SKIPS = {
    "in the test": "import pytest\ndef test_it():\n    pytest.skip('no Go here')",
    "by a mark": "import pytest\n@pytest.mark.skip(reason='no Go here')\ndef test_it(): ...",
    "in a fixture": ("import pytest\n@pytest.fixture\ndef go():\n    pytest.skip('no Go here')\ndef test_it(go): ..."),
    "of a module": "import pytest\npytest.skip('no Go here', allow_module_level=True)",
}
ALLOWED = {
    "opted in": (
        "import pytest\n@pytest.mark.opt_in('costs money')\ndef test_it():\n    pytest.skip('nobody asked for it')",
        {"skipped": 1},
    ),
    "expected to fail": (
        "import pytest\n@pytest.mark.xfail(reason='known', strict=True)\ndef test_it():\n    assert False",
        {"xfailed": 1},
    ),
    "passing": ("def test_it(): ...", {"passed": 1}),
}


@pytest.fixture
def nested(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project of its own with this project's conftest."""
    monkeypatch.delenv("STRICT", raising=False)
    pytester.makeconftest(CONFTEST.read_text())
    return pytester


@pytest.mark.parametrize("code", SKIPS.values(), ids=SKIPS)
def test_a_skip_is_a_failure_where_strict_is_set(
    nested: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    nested.makepyfile(code)
    lenient = nested.runpytest_inprocess(*OPTIONS)
    assert lenient.ret in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
    assert lenient.parseoutcomes() == {"skipped": 1}
    monkeypatch.setenv("STRICT", "1")
    strict = nested.runpytest_inprocess(*OPTIONS)
    assert strict.ret in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)
    assert "skipped" not in strict.parseoutcomes()
    strict.stdout.fnmatch_lines(["*STRICT=1 and this test was skipped: *no Go here*"])


@pytest.mark.parametrize(("code", "outcomes"), ALLOWED.values(), ids=ALLOWED)
def test_what_strict_allows(
    nested: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, code: str, outcomes: dict[str, int]
) -> None:
    monkeypatch.setenv("STRICT", "1")
    nested.makepyfile(code)
    result = nested.runpytest_inprocess(*OPTIONS)
    assert result.ret == pytest.ExitCode.OK
    assert result.parseoutcomes() == outcomes


@pytest.mark.parametrize(("profile", "example_count"), [("default", 60), ("campaign", 10_000)])
def test_the_environment_chooses_how_long_hypothesis_searches(
    nested: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, profile: str, example_count: int
) -> None:
    monkeypatch.setenv("HYPOTHESIS_PROFILE", profile)
    nested.makepyfile(
        f"import hypothesis\ndef test_it():\n    assert hypothesis.settings().max_examples == {example_count}"
    )
    assert nested.runpytest_subprocess(*OPTIONS).parseoutcomes() == {"passed": 1}
