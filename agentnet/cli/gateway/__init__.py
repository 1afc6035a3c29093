"""The command line's way to a gateway: requests, A2A calls, lists."""
