"""What the backends of a deployment can do, found out by trying."""
