"""`python -m agentnet`."""

from agentnet.cli import main

main()
