"""Writes what is generated from proto/: the committed code of each language, and the contract's descriptor image.

    python -m tests.contract.generate [LANGUAGE | image]…

Without names it writes all that can be made here, and says what cannot. The image is what `buf breaking` compares against:
replace it only together with a line in CHANGELOG.md.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.contract import generators
from tests.contract.generators.generator import ROOT, Generator
from tests.toolchains import BUF

IMAGE = ROOT / "tests" / "contract" / "v1.binpb"


def find_generators() -> dict[str, Generator]:
    """Return every language's generator, by its language."""
    names = sorted(module.name for module in pkgutil.iter_modules(generators.__path__) if module.name != "generator")
    modules = [importlib.import_module(f"{generators.__name__}.{name}") for name in names]
    return {module.GENERATOR.language: module.GENERATOR for module in modules}


def write(generator: Generator) -> None:
    """Replace the committed code of one language, once its successor is whole."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / "fresh"
        fresh.mkdir()
        generator.generate(fresh)
        shutil.rmtree(generator.out, ignore_errors=True)
        shutil.copytree(fresh, generator.out)


def build_image(out: Path) -> None:
    """Write the descriptor image that `buf breaking` compares against."""
    subprocess.run([str(BUF), "build", "--exclude-source-info", "-o", str(out)], check=True, cwd=ROOT)


def main(given: Sequence[str] | None = None) -> None:
    """Write what is named, or all. `given` stands in for the command's arguments."""
    found = find_generators()
    known = [*found, "image"]
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}; default: all")
    names = arguments.parse_args(given).names or known
    unknown = [name for name in names if name not in known]
    if unknown:
        arguments.error(f"nothing is called {', '.join(unknown)}; there are {', '.join(known)}")
    for name in names:
        missing = found[name].missing() if name in found else None
        if missing is not None:
            print(f"{name}: left as it is, since {missing}")
        elif name in found:
            write(found[name])
            print(f"{name}: written")
        else:
            build_image(IMAGE)
            print("image: written")


if __name__ == "__main__":
    main()
