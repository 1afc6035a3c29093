"""Every query of the MCP door. Idle times are measured by the database's clock."""

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

# What a session is subscribed to, and whether it has a session of its own where that is.
LIST_SUBSCRIPTIONS = """
SELECT one.uri, one.provider, one.own, one.version, mcp_sessions.upstreams ? one.provider AS is_within
FROM mcp_subscriptions AS one JOIN mcp_sessions ON mcp_sessions.id = one.session
WHERE one.session = $1
ORDER BY one.uri
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

# Note a call that its client may come back to, once; nothing where its session has ended.
OPEN_CALL = """
INSERT INTO mcp_calls (id, session, owner, request)
SELECT $1::varchar, id, $3::varchar, $4::varchar FROM mcp_sessions WHERE id = $2
ON CONFLICT (id) DO NOTHING
"""

# Keep an event of a call's stream, if the call is still this process's. May be done twice.
PUT_EVENT = """
INSERT INTO mcp_call_events (call, number, body)
SELECT id, $3::integer, $4::varchar FROM mcp_calls WHERE id = $1 AND owner = $2
ON CONFLICT DO NOTHING
"""

# Keep what a call waits for, or that it waits no more; nothing where the call is another process's by now.
HOLD_CALL = "UPDATE mcp_calls SET waiting = $3 WHERE id = $1 AND owner = $2 RETURNING id"

# Note that the client has answered what a call of the session waits for.
QUESTION_ANSWERED = "UPDATE mcp_calls SET waiting = NULL WHERE session = $1 AND waiting = $2"

# Keep the answer, which ends the call. May be done twice.
END_CALL = """
WITH ended AS (
    UPDATE mcp_calls SET is_over = true, waiting = NULL, alive_at = now()
    WHERE id = $1 AND owner = $2 AND NOT is_over
    RETURNING id
)
INSERT INTO mcp_call_events (call, number, body) SELECT id, $3::integer, $4::varchar FROM ended
"""

# How a call of this session stands; it is an orphan when its process has not been heard of for so many seconds.
GET_CALL = """
SELECT is_over, waiting, NOT is_over AND alive_at < now() - make_interval(secs => $3) AS is_orphan
FROM mcp_calls WHERE id = $1 AND session = $2
"""

# The events of a call after one of them.
GET_EVENTS = "SELECT number, body FROM mcp_call_events WHERE call = $1 AND number > $2 ORDER BY number LIMIT $3"

# Take an orphan over; what is needed to go on with it.
CLAIM_CALL = """
UPDATE mcp_calls SET owner = $2, alive_at = now()
WHERE id = $1 AND NOT is_over AND alive_at < now() - make_interval(secs => $3)
RETURNING request, waiting, (SELECT coalesce(max(number), 0) FROM mcp_call_events WHERE call = $1) AS last
"""

# Note that the process is there; those of its calls that are still its own.
BEAT_CALLS = "UPDATE mcp_calls SET alive_at = now() WHERE id = ANY($1) AND owner = $2 RETURNING id"

# Make a call an orphan at once.
LEAVE_CALL = "UPDATE mcp_calls SET alive_at = now() - make_interval(secs => $3) WHERE id = $1 AND owner = $2"

# Delete some of the calls that nobody was heard of for too long.
PRUNE_CALLS = """
DELETE FROM mcp_calls WHERE id IN (
    SELECT id FROM mcp_calls WHERE alive_at < now() - make_interval(secs => $1) LIMIT $2 FOR UPDATE SKIP LOCKED
)
"""

# All profiles of a tenant, by name.
LIST_PROFILES = "SELECT name, definition FROM mcp_profiles WHERE tenant = $1 ORDER BY name"

# How many profiles a tenant has besides the one of that name.
COUNT_OTHER_PROFILES = "SELECT count(*) FROM mcp_profiles WHERE tenant = $1 AND name <> $2"

# Store a profile, in place of the one of that name.
PUT_PROFILE = """
INSERT INTO mcp_profiles (tenant, name, definition) VALUES ($1, $2, $3)
ON CONFLICT (tenant, name) DO UPDATE SET definition = EXCLUDED.definition
"""

# Delete a profile; its name, if it was there.
DELETE_PROFILE = "DELETE FROM mcp_profiles WHERE tenant = $1 AND name = $2 RETURNING name"
