"""Where the outside comes in: the container that puts everything together, the HTTP service, the command line."""
