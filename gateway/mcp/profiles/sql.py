"""Every query of stored profiles."""

# All profiles of a tenant, by name.
LIST_PROFILES = "SELECT name, definition FROM mcp_profiles WHERE tenant = $1 ORDER BY name"

# How many profiles a tenant has besides the one of that name.
COUNT_OTHER_PROFILES = "SELECT count(*) FROM mcp_profiles WHERE tenant = $1 AND name <> $2"

# Store a profile, in place of the one of that name.
PUT_PROFILE = """
INSERT INTO mcp_profiles (tenant, name, definition) VALUES ($1, $2, $3)
ON CONFLICT (tenant, name) DO UPDATE SET definition = EXCLUDED.definition
"""

# Which of these are ids of the tenant's keys.
KNOWN_KEYS = "SELECT id FROM api_keys WHERE tenant = $1 AND id = ANY($2::text[])"

# Keys that a profile binds and that still hold.
BOUND_KEYS = """
SELECT k.id FROM mcp_profiles p JOIN api_keys k ON k.tenant = p.tenant AND p.definition::jsonb -> 'keys' ? k.id
WHERE p.tenant = $1 AND p.name = $2 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
ORDER BY k.id
"""

# Delete a profile; its name, if it was there.
DELETE_PROFILE = "DELETE FROM mcp_profiles WHERE tenant = $1 AND name = $2 RETURNING name"
