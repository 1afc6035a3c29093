"""Side-by-side benchmarks against a plain a2a-sdk server on the same PostgreSQL and against ContextForge, in one go."""
