"""Runs the conformance suite: `make conformance [CASES=DIRECTORY] [ARGS="LANGUAGE…"]`.

Every language's client makes the calls of every case against one gateway. For each a line tells how it fared; the exit code is 0 only
if all languages are there and passed.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.clients.languages import FULL_CLIENTS, find_languages
from tests.clients.languages.language import Language, build
from tests.conformance.case import CASES, Case, read_cases
from tests.conformance.driver import conformance_gateway, run_cases, runner_of


async def run_languages(languages: Sequence[Language], cases: Sequence[Case]) -> bool:
    """Run each language; return whether all passed."""
    passed = True
    with tempfile.TemporaryDirectory() as folder:
        async with conformance_gateway(Path(folder) / "log") as gateway:
            for language in languages:
                missing = language.missing()
                problem = missing or await asyncio.to_thread(build, language)
                if problem is not None:
                    print(f"{language.name}: missing: {problem}", flush=True)
                    passed = False
                    continue
                result = await run_cases(language.name, runner_of(language), cases, gateway.grpc)
                for name, wrong in result.failed.items():
                    for what in wrong:
                        print(f"  {language.name}, {name}: {what}")
                print(result.line, flush=True)
                passed = passed and not result.failed
    return passed


def main() -> int:
    languages = {language.name: language for language in find_languages() if language.runner is not None}
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("names", nargs="*", metavar="LANGUAGE", help=f"of {', '.join(languages)}; default: all")
    arguments.add_argument("--cases", type=Path, default=CASES, help="a directory of cases")
    options = arguments.parse_args()
    unknown = sorted({*options.names} - {*languages})
    if unknown:
        arguments.error(f"no such language: {', '.join(unknown)}; there are {', '.join(languages)}")
    chosen = [languages[name] for name in options.names] or list(languages.values())
    absent = [] if options.names else [name for name in FULL_CLIENTS if name not in languages]
    passed = asyncio.run(run_languages(chosen, read_cases(options.cases)))
    for name in absent:
        print(f"{name}: missing: it has no runner")
    return 0 if passed and not absent else 1


if __name__ == "__main__":
    sys.exit(main())
