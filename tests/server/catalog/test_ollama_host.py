import pytest
from llmgateway_server.catalog.ollama_host import read_ollama_host


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "http://127.0.0.1:11434"),
        ("1.2.3.4", "http://1.2.3.4:11434"),
        (":1234", "http://127.0.0.1:1234"),
        ("1.2.3.4:1234", "http://1.2.3.4:1234"),
        ("http://1.2.3.4", "http://1.2.3.4:80"),
        ("http://1.2.3.4:1234/", "http://1.2.3.4:1234"),
        ("https://example.com", "https://example.com:443"),
        ("[::1]", "http://[::1]:11434"),
        ("[::1]:1337", "http://[::1]:1337"),
        ("::1", "http://[::1]:11434"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("[::]:1", "http://[::1]:1"),
        (' "1.2.3.4" ', "http://1.2.3.4:11434"),
        ("example.com", "http://example.com:11434"),
    ],
)
def test_the_host_is_read_as_ollama_reads_it(text: str, expected: str) -> None:
    assert read_ollama_host(text) == expected


@pytest.mark.parametrize("text", ["1.2.3.4:66000", "h:-1", "h:x", "h:" + "1" * 5000, "ftp://h"])
def test_a_host_that_ollama_would_not_take_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="OLLAMA_HOST"):
        read_ollama_host(text)
