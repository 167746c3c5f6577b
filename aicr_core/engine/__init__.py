"""Pure functions over documents and models: matching, merging, rendering."""
