"""Credentials of providers: given ones, and those that a vendor's own library finds and renews."""
