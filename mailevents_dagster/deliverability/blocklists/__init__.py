"""Whether sending addresses and domains stand on lists by which receivers refuse mail."""
