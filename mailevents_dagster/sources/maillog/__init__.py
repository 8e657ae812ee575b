"""The logs of mail servers, Exim and Postfix: lines by the hour, the bounces among them, and each published once."""
