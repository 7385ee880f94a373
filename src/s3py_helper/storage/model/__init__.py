"""Where 0.0.17 had the values that services take and give."""
