"""Which model is meant, what is known of its endpoint, and how its failures are told. May import
`agentnet.manifests`, and no SDK: the command line and the gateway read it. Start with `endpoint` and `choice`.
"""
