"""Files coming in: limits, forms, and the way into storage."""
