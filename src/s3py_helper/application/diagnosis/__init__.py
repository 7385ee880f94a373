"""What the backends of a deployment can do, tried and not believed."""
