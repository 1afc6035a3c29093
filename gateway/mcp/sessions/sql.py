"""Every query of legacy sessions, their clients' answers and cancellations. Idle times are by the database's clock."""

# Open a session.
OPEN_SESSION = """
INSERT INTO mcp_sessions (id, tenant, subject, profile, version, capabilities, client_info)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""

# Sessions that have not been idle for too long; whether it is time to note that they are used.
GET_SESSIONS = """
SELECT id, tenant, subject, profile, version, capabilities, client_info, upstreams, log_level,
    seen_at < now() - make_interval(secs => $3) AS is_due
FROM mcp_sessions
WHERE id = ANY($1) AND seen_at > now() - make_interval(secs => $2)
"""

# Note that a session is used; nothing where it has ended.
TOUCH_SESSION = "UPDATE mcp_sessions SET seen_at = now() WHERE id = $1 RETURNING id"

# Put an upstream session into a session unless there is one already; the one that is there then.
JOIN_UPSTREAM = """
UPDATE mcp_sessions
SET upstreams = CASE WHEN upstreams ? $2 THEN upstreams ELSE jsonb_set(upstreams, ARRAY[$2], $3) END
WHERE id = $1
RETURNING upstreams -> $2
"""

# Take an upstream session out of a session, if it is still that one.
LEAVE_UPSTREAM = "UPDATE mcp_sessions SET upstreams = upstreams - $2 WHERE id = $1 AND upstreams -> $2 = $3"

# Keep the log level that the client wants.
SET_LOG_LEVEL = "UPDATE mcp_sessions SET log_level = $2 WHERE id = $1"

# End a session; what it had upstream is returned.
END_SESSION = "DELETE FROM mcp_sessions WHERE id = $1 RETURNING upstreams"

# End the sessions of one caller that were not used for longest, beyond so many.
END_SURPLUS = """
DELETE FROM mcp_sessions WHERE id IN (
    SELECT id FROM mcp_sessions WHERE tenant = $1 AND subject = $2 ORDER BY seen_at DESC OFFSET $3
)
"""

# Delete some of the sessions that were idle for too long.
PRUNE_SESSIONS = """
DELETE FROM mcp_sessions WHERE id IN (
    SELECT id FROM mcp_sessions WHERE seen_at < now() - make_interval(secs => $1) LIMIT $2 FOR UPDATE SKIP LOCKED
)
"""

# Leave an answer for the replica that asked; the first one counts. A session has so many at most that nobody took.
PUT_ANSWER = """
INSERT INTO mcp_answers (session, id, tenant, body)
SELECT $1::varchar, $2::varchar, $3::varchar, $4::jsonb
WHERE (SELECT count(*) FROM mcp_answers WHERE session = $1::varchar) < $5
ON CONFLICT DO NOTHING
"""

# Read an answer: it stays for a while, for the replica that read it may die before it made use of it.
READ_ANSWER = "SELECT body FROM mcp_answers WHERE session = $1 AND id = $2"

# Delete the answers of a session that are older than any replica still looks for.
DROP_ANSWERS = "DELETE FROM mcp_answers WHERE session = $1 AND at < now() - make_interval(secs => $2)"

# Delete answers that nobody took.
PRUNE_ANSWERS = "DELETE FROM mcp_answers WHERE at < now() - make_interval(secs => $1)"

# Leave a cancellation for the replica that serves the call, in place of those that no replica looks for any more.
PUT_CANCEL = """
WITH dropped AS (
    DELETE FROM mcp_cancels WHERE session = $1::varchar AND at < now() - make_interval(secs => $3)
)
INSERT INTO mcp_cancels (call, session)
SELECT $2::varchar, id FROM mcp_sessions WHERE id = $1::varchar AND (
    SELECT count(*) FROM mcp_cancels WHERE session = $1::varchar AND at >= now() - make_interval(secs => $3)
) < $4
ON CONFLICT (call) DO UPDATE SET at = now()
"""

# The cancellations of some sessions, and how many seconds ago they came.
GET_CANCELS = """
SELECT call, extract(epoch FROM clock_timestamp() - at)::float8 AS age FROM mcp_cancels WHERE session = ANY($1)
"""
