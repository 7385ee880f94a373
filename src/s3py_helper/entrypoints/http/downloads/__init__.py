"""Files going out: conditions, headers, and responses that own their source."""
