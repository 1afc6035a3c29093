"""Commands that give the network work and follow it: ask, watch."""
