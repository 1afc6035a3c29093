"""All SQL of stored upstream servers."""

COLUMNS = "tenant, name, url, description, credential, enabled, created_at, call_seconds, timeouts"

# Add a server unless its tenant has one of that name, or $9 others.
ADD = f"""
INSERT INTO upstream_servers (tenant, name, url, description, credential, enabled, call_seconds, timeouts)
SELECT $1::text, $2::text, $3::text, $4::text, $5::bytea, $6::boolean, $7::float8, $8::jsonb
WHERE (SELECT count(*) FROM upstream_servers WHERE tenant = $1) < $9
ON CONFLICT (tenant, name) DO NOTHING
RETURNING {COLUMNS}
"""  # noqa: S608 - made of constants

# A tenant's servers by name.
LIST = f"SELECT {COLUMNS} FROM upstream_servers WHERE tenant = $1 ORDER BY name"  # noqa: S608 - made of constants

# Names of all tenants' servers.
NAMES = "SELECT DISTINCT name FROM upstream_servers"

# One server of a tenant.
GET = f"SELECT {COLUMNS} FROM upstream_servers WHERE tenant = $1 AND name = $2"  # noqa: S608 - made of constants

# Replace a server; $5 keeps its credential, and then only if it is still at $8, which the credential is for.
REPLACE = f"""
UPDATE upstream_servers
SET url = $3, description = coalesce($4::text, description), enabled = coalesce($7::boolean, enabled),
    credential = CASE WHEN $5::boolean THEN credential ELSE $6::bytea END,
    call_seconds = CASE WHEN $9::boolean THEN call_seconds ELSE $10::float8 END,
    timeouts = coalesce($11::jsonb, timeouts)
WHERE tenant = $1 AND name = $2 AND (NOT $5::boolean OR url = $8)
RETURNING {COLUMNS}
"""  # noqa: S608 - made of constants

# Switch a server on or off.
SWITCH = f"UPDATE upstream_servers SET enabled = $3 WHERE tenant = $1 AND name = $2 RETURNING {COLUMNS}"  # noqa: S608

# Forget a server.
REMOVE = "DELETE FROM upstream_servers WHERE tenant = $1 AND name = $2 RETURNING name"
