"""Answers: what tools returned and texts hold, in words for the one who asked."""
