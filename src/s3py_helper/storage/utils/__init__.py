"""Where 0.0.17 had helpers of its own."""
