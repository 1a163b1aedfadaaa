"""Clients from other ecosystems, installed once into `.tools/`, which Git ignores.

Each install goes into a folder of its own beside its place and moves there when it is whole, so an interrupted
one leaves nothing that looks finished.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOOLS = ROOT / ".tools"
BUF = Path(sys.executable).parent / "buf"
NODE_PROJECT = ROOT / "tests" / "e2e" / "node"
GRPCURL = "github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4"
# For the languages whose code runs with later runtimes, too: that of the oldest supported grpcio-tools.
PROTOC_VERSION = "4.29.6"
INSTALL_TIMEOUT_S = 480


def grpcurl() -> Path:
    """Return grpcurl, installed by Go; skip the test where Go is absent."""
    if shutil.which("go") is None:
        pytest.skip("grpcurl needs Go, which is not installed; buf curl is tested in its place")
    return go_tool(GRPCURL)


def go_tool(package: str) -> Path:
    """Return a program that Go installs from `MODULE@VERSION`. Go must be there."""
    path, _, version = package.partition("@")
    name = Path(path).name
    place = TOOLS / f"{name}-{version}" / name
    if not place.exists():
        with staging() as folder:
            install(["go", "install", package], folder, GOBIN=folder)
            place.parent.mkdir(exist_ok=True)
            os.replace(Path(folder) / name, place)
    return place


def node() -> str:
    """Return Node 20.15 or newer; skip the test where it or npm is absent, or too old."""
    path, npm = shutil.which("node"), shutil.which("npm")
    if path is None or npm is None:
        pytest.skip("this test needs Node and npm, which are not installed")
    version = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    major, minor, *_ = version.removeprefix("v").split(".")
    if (int(major), int(minor)) < (20, 15):
        pytest.skip(f"this test needs Node 20.15 or newer, and this is {version}")
    return path


def node_project(source: Path = NODE_PROJECT, *, command: str = "ci") -> Path:
    """Return a folder with a Node project's locked dependencies installed and its scripts as they are now.

    `command` is npm's: `install` is for a lock file that lacks optional packages, which `ci` refuses.
    """
    lock = (source / "package-lock.json").read_bytes() + (source / "package.json").read_bytes()
    place = TOOLS / f"{source.name}-{hashlib.sha256(lock).hexdigest()[:16]}"
    if not place.exists():
        npm = shutil.which("npm")
        assert npm is not None, "node() was to be asked first"
        with staging() as outer:
            folder = str(Path(outer) / "project")
            os.mkdir(folder)
            for name in ("package.json", "package-lock.json"):
                shutil.copy(source / name, folder)
            install([npm, command, "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund"], folder)
            os.rename(folder, place)
    for script in source.glob("*.mjs"):
        shutil.copy(script, place)
    return place


def staging() -> tempfile.TemporaryDirectory[str]:
    """Return a folder to install into, on the same file system as `.tools/`."""
    TOOLS.mkdir(exist_ok=True)
    return tempfile.TemporaryDirectory(dir=TOOLS, prefix="partial-")


def install(command: list[str], folder: str, **environment: str) -> None:
    """Run an installer; fail the test with its words where it fails."""
    finished = subprocess.run(
        command,
        cwd=folder,
        # Go and npm keep their caches at home, which a bare environment does not name.
        env={"HOME": str(TOOLS / "home"), **os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=INSTALL_TIMEOUT_S,
        check=False,
    )
    if finished.returncode != 0:
        pytest.fail(f"{' '.join(command)} failed:\n{finished.stdout[-4000:]}")


def protoc() -> list[str]:
    """Return the command of protoc with its well-known types, both by Maven, which must be there."""
    place = TOOLS / f"protoc-{PROTOC_VERSION}"
    if not place.exists():
        # Maven's words for the machine: `linux-x86_64`, `osx-aarch_64`.
        system = {"darwin": "osx"}.get(sys.platform, sys.platform)
        machine = {"aarch64": "aarch_64", "arm64": "aarch_64"}.get(platform.machine(), platform.machine())
        get = ["mvn", "-q", "-B"]
        plugin = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
        program = f"com.google.protobuf:protoc:{PROTOC_VERSION}:exe:{system}-{machine}"
        types = f"com.google.protobuf:protobuf-java:{PROTOC_VERSION}"
        with staging() as outer:
            folder = str(Path(outer) / "protoc")
            install([*get, f"{plugin}:copy", f"-Dartifact={program}", f"-DoutputDirectory={folder}"], outer)
            only_types = "-Dmdep.unpack.includes=google/**"
            install([*get, f"{plugin}:unpack", f"-Dartifact={types}", f"-DoutputDirectory={folder}", only_types], outer)
            (executable,) = Path(folder).glob("protoc-*.exe")
            executable.rename(executable.with_name("protoc")).chmod(0o755)
            os.rename(folder, place)
    return [str(place / "protoc"), f"-I{place}"]
