"""The FastDFS distributed file system."""
