"""Side-by-side benchmarks: Agent Network against a plain a2a-sdk server on the same PostgreSQL, in one run."""
