"""Every query of calls that clients may come back to. Idle times are measured by the database's clock."""

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
