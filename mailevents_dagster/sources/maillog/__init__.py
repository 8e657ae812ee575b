"""Logs of mail servers, of Exim and of Postfix."""
