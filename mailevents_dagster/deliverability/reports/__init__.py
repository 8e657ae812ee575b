"""Reports that receivers send of mail in our name: DMARC, TLS, complaints. Bytes in, values out."""
