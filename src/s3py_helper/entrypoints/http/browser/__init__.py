"""What the service shows to people in a browser: its page, and the description of the interface."""
