"""Measures s3py-helper beside its peers; `python -m benchmarks --help`, method in docs/benchmarks/method.md."""
