"""Who may do what, with which file."""
