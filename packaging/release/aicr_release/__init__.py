"""Making and checking a release of this project: archives, checksums, SBOMs, provenance.

``make`` is for maintainers and needs the tools of the nox session ``release``. What ``check`` needs is the
standard library, and ``cryptography`` where a signature is checked: who verifies a release has not installed it
yet. Nothing here is part of a distribution.
"""
