"""Scores: the confusion matrix, a benchmark's protocol on top of it, and results side by side."""
