"""Microsoft Graph: a mailbox of Microsoft 365 over HTTP."""
