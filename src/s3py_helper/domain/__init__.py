"""Values and rules: no input or output, no `async`, nothing that a test has to prepare."""
