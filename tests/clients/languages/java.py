"""Java: a client built by Maven; samples and the runner start without it."""

from __future__ import annotations

from tests.clients.languages.language import CLIENTS, Language

# As `-q`, but that it shows warnings, too: the compiler fails on them.
MAVEN = ("mvn", "-B", "-ntp", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
# Programs that end within seconds gain nothing from the slow compiler. Wild cards in a class path are Java's own.
JAVA = ("java", "-XX:TieredStopAtLevel=1", "-cp", "target/classes:target/test-classes:target/dependency/*")


def sample(name: str) -> tuple[str, ...]:
    """Return the command of a sample, whose class has its name in Java's convention."""
    return (*JAVA, f"dev.llmgateway.samples.{name.title().replace('_', '')}")


LANGUAGE = Language(
    name="java",
    folder=CLIENTS / "java",
    tools=("mvn", "javac"),
    # Compiling checks types and lint: it fails on any warning.
    build=((*MAVEN, "process-test-classes"),),
    checks={"format": (*MAVEN, "spotless:check"), "unit tests": (*MAVEN, "test")},
    package=((*MAVEN, "package", "-DskipTests"),),
    sample=sample,
    runner=(*JAVA, "dev.llmgateway.conformance.Runner"),
)
