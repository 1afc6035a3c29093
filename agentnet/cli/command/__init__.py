"""What every command stands on: its options, its event loop, its exit codes.

Imports nothing but errors. Start with `exits`, then `loop`.
"""
