"""The formats of validation reports: a module each, ``write(report) -> str``, all from one model."""
