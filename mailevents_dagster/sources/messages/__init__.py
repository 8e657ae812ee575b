"""Messages of RFC 822 and MIME: read in one pass, as far as they can be read."""
