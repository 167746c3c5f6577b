"""Use cases, one module each: arguments in, result out; nothing here prints."""
