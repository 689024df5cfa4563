"""Steps: pure functions from sample to sample, the same for every dataset."""
