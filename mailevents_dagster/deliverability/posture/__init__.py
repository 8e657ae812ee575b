"""What the world sees of a domain that sends mail: its records, and what they are worth to receivers."""
