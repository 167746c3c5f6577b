"""Vendor-neutral base catalogue: base overlay, shared components, intents, accelerators, operating systems."""
