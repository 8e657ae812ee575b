"""The story of one mail: what all feeds tell of it, and where that is written."""
