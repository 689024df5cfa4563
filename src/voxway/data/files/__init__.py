"""Bytes: reading and writing kinds of files, whatever dataset they belong to. Every failure names the file."""
