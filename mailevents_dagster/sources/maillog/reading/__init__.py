"""Reading the log files of a server by hours, whatever rotation did to them, with a ledger of bytes."""
