"""Tools of every day: time, arithmetic, units and dates."""
