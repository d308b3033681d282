"""Many runs by one line: planned as a whole, carried out by any launcher, told in one table."""
