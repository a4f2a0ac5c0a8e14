"""What all pages have in common: the table of primitives in JavaScript."""
