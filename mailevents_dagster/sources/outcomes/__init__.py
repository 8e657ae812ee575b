"""What became of mails: outcomes of each recipient, whatever told them."""
