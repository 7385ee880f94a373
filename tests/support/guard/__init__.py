"""Guards what a small operation costs: the tests fail when calls, instructions or processor time grow by half."""
