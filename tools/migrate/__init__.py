"""Find the uses of replaced functions in a code base, and move them to their replacement."""
