"""Work: a tool or an agent does a step. Imports all of its neighbours. Start with `tooling`."""
