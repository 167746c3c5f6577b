"""Mirror lists and software bills of materials."""
