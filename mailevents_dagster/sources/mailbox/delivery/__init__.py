"""Mails on their way to another system: a SQLite database and a folder of attachments, over SFTP."""
