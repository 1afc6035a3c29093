"""Upstream servers that tenants' admins and the operator named, as a source of the door's."""
