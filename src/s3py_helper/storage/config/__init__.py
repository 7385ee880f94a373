"""Where 0.0.17 had the settings."""
