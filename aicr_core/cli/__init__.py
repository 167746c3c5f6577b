"""The command line: click commands and the rendering of results and errors."""
