"""How long tests wait for what comes at once on a machine that has nothing else to do."""

PATIENCE_SECONDS = 60.0
"""What has not come by then on a busy machine does not come."""
