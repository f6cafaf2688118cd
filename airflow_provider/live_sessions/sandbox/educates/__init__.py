"""An Educates training portal, as release 3.7.1 answers."""
