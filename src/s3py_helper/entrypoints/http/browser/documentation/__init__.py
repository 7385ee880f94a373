"""`/docs`: the interface for people to read and try, without internet."""
