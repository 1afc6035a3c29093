"""The picture of the architecture, drawn from the imports of the code: `make picture` writes `docs/architecture.svg`.

Standard library only; imports the import graph of the project's tests. Start with `drawing`.
"""
