"""Prepared files: where the file of a key lies for each need that makers serve, how it is read and written."""
