"""Lists of ids in databases of applications, read as they come."""
