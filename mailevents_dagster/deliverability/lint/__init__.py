"""Rules on a message as it is sent: what receivers refuse, hide or distrust."""
