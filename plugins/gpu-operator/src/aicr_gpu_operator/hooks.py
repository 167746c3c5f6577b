"""No hooks: this package is data only and is never imported by a command."""
