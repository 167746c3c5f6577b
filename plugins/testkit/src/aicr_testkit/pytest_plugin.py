"""The pytest plugin of the kit. Imported by every pytest run in which the kit is installed: nothing heavy here."""
