"""Commands that start, try and extend a network: up, demo, doctor, new."""
