"""RTF as Outlook keeps the texts of mails: in its files, and in `winmail.dat`."""
