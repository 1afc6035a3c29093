"""What is drawn on a terminal. Prints and measures; knows nothing of a network."""
