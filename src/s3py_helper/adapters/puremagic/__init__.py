"""Signatures of files, from puremagic's table."""
