"""What runs inside a subject's own process and environment: the standard library and the subject, nothing else."""
