"""Teachers: what a student learns from besides the labels. One file per kind, all behind one protocol."""
