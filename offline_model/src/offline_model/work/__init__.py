"""Work: the tool or the agent that does a step, chosen, asked for what it lacks, and called."""
