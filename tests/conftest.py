"""Servers that any test may ask for."""

pytest_plugins = ["tests.support.fastdfs.fixtures", "tests.support.s3.fixtures"]
