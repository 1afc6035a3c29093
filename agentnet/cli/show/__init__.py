"""What is drawn on a terminal. Prints and measures; knows nothing of a network.

May import `agentnet.tasks` (what a step is) and `agentnet.telemetry` (lines of a terminal).
"""
