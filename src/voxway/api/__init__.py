"""The door: what a notebook and the command line both call."""
