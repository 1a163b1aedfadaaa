"""`python -m llmgateway_server` is the command `llmgateway`."""

from llmgateway_server.cli import main

main()
