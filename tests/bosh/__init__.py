"""BOSH without HTTP and without a reactor: a clock turned by hand, and both sides played."""
