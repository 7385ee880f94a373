"""The measured work, the same code for every subject."""
