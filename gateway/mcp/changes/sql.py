"""Every query of subscriptions."""

# Subscribe a session to a resource unless it has so many already; a subscription that is there takes the new version.
SUBSCRIBE = """
INSERT INTO mcp_subscriptions (session, uri, provider, own, version)
SELECT $1::varchar, $2::varchar, $3, $4, $5
WHERE (SELECT count(*) FROM mcp_subscriptions WHERE session = $1::varchar AND uri <> $2::varchar) < $6
ON CONFLICT (session, uri) DO UPDATE SET provider = EXCLUDED.provider, own = EXCLUDED.own, version = EXCLUDED.version
RETURNING uri
"""

# End a subscription; its URI, if it was there.
UNSUBSCRIBE = "DELETE FROM mcp_subscriptions WHERE session = $1 AND uri = $2 RETURNING uri"

# What a session is subscribed to, and whether it has a session of its own where that is; one without an id is none.
LIST_SUBSCRIPTIONS = """
SELECT one.uri, one.provider, one.own, one.version,
    coalesce(mcp_sessions.upstreams -> one.provider ->> 'id', '') <> '' AS is_within
FROM mcp_subscriptions AS one JOIN mcp_sessions ON mcp_sessions.id = one.session
WHERE one.session = $1
ORDER BY one.uri
"""
