"""Daily answers on delivery: is what is sent as receivers want it, and does it arrive."""
