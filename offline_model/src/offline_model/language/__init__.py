"""Language: words, phrases, values, times in a text. Imports none of its neighbours. Start with `words`."""
