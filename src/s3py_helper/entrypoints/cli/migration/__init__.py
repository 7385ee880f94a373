"""What the commands of `s3py migrate` do, one file for each part of the way."""
