"""What the package costs and withstands, measured; one idea a file, run by ``make bench``."""
