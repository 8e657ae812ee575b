"""Which mails are delivered, and by whose word."""
