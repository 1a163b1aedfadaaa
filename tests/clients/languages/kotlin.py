"""Kotlin: stubs and one sample, built by Maven."""

from __future__ import annotations

from tests.clients.languages.java import JAVA, MAVEN
from tests.clients.languages.language import CLIENTS, Language

LANGUAGE = Language(
    name="kotlin",
    folder=CLIENTS / "kotlin",
    tools=("mvn", "javac"),
    # The sample is compiled with warnings as errors.
    build=((*MAVEN, "process-test-classes"),),
    checks={"format": (*MAVEN, "spotless:check")},
    package=((*MAVEN, "package"),),
    sample=lambda name: (*JAVA, f"dev.llmgateway.samples.{name.title()}Kt"),
    samples=("basic",),
)
