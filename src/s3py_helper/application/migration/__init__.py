"""Leaving FastDFS: plan, copy, verify, route, drain. See docs/leaving-fastdfs.md."""
