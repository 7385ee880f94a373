"""uvicorn, with what it leaves to a proxy before it: `s3py serve` stands alone."""
