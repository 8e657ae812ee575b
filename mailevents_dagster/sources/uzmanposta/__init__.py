"""The Uzman Posta API: its client, complete listings, collection of an hour, and a simulator of it."""
