"""The checks, a module for each kind of demand; ``registry`` has them in order."""
