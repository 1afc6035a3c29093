"""Language: the words, phrases, values and times that a text holds, whatever is asked."""
