"""All SQL of the registry. Leases are told by the database's clock only, so that no two clocks can disagree.

`live` are the entries that a tenant sees: its own, and everyone's unless it has its own of that name. Where a query
answers for a name, its instances are grouped, and the newest instance speaks for them.
"""

# Not materialized: inlined, each query finds its entries by its own condition, where a search would copy all of them
# first.
_LIVE = """
live AS NOT MATERIALIZED (
    SELECT entry.* FROM registry_entries AS entry
    WHERE entry.kind = $1 AND entry.lease_until > now()
      AND (entry.tenant = $2 OR (entry.tenant = '*' AND NOT EXISTS (
          SELECT FROM registry_entries AS own
          WHERE own.kind = $1 AND own.tenant = $2 AND own.name = entry.name AND own.lease_until > now())))
)"""

# DISTINCT ON keeps the first row of a name, in the order of each query the newest instance: in a rolling update it is
# the one that stays.
_GROUPED = """
SELECT DISTINCT ON (name)
    name, tenant, description, skills, document, array_agg(url) OVER (PARTITION BY name) AS urls"""

REGISTER = """
WITH renewed AS (
    UPDATE registry_entries SET lease_until = now() + make_interval(secs => $10::float8)
    WHERE kind = $1 AND name = $2 AND instance = $3
      AND (tenant, url, description, skills, document, words) = ($4, $5, $6, $7::jsonb, $8::jsonb, $9)
    RETURNING lease_until
),
registered AS (
    INSERT INTO registry_entries
        (kind, name, instance, tenant, url, description, skills, document, words, lease_until)
    SELECT $1::text, $2::text, $3::text, $4, $5, $6, $7::jsonb, $8::jsonb, $9,
           now() + make_interval(secs => $10::float8)
    WHERE NOT EXISTS (SELECT FROM renewed)
      AND (SELECT count(*) FROM registry_entries
           WHERE kind = $1 AND name = $2 AND instance <> $3 AND lease_until > now()) < $11
    ON CONFLICT (kind, name, instance) DO UPDATE SET
        tenant = excluded.tenant, url = excluded.url, description = excluded.description, skills = excluded.skills,
        document = excluded.document, words = excluded.words, lease_until = excluded.lease_until,
        registered_at = now()
    RETURNING lease_until
)
SELECT lease_until FROM renewed UNION ALL SELECT lease_until FROM registered
"""
"""Renews a lease, or registers what is new or changed; no row when the name has as many live instances as it may.

A heartbeat writes the lease alone, not the document and the words again.
"""

DEREGISTER = "DELETE FROM registry_entries WHERE kind = $1 AND name = $2 AND instance = $3"
"""Takes an instance off at once."""

SWEEP = """
WITH gone AS (
    DELETE FROM registry_entries WHERE lease_until < now() - make_interval(secs => $1::float8) RETURNING 1
)
SELECT count(*) FROM gone
"""
"""Deletes what ran out so many seconds ago, and tells how many."""

PING = "SELECT 1"
"""Whether the database answers."""

LIST = f"WITH {_LIVE} {_GROUPED} FROM live ORDER BY name, registered_at DESC, instance"
"""All that a tenant sees of a kind, by name."""

GET = f"WITH {_LIVE} {_GROUPED} FROM live WHERE name = $3 ORDER BY name, registered_at DESC, instance"
"""The one entry of that name that a tenant sees."""

# A stem and its relatives part in the last letters, a long word in more of them: two are left off, one, or none.
SEARCH = f"""
WITH {_LIVE},
wanted AS (
    SELECT lexeme, ('''' || lexeme || '''')::tsquery AS exact, (CASE
        WHEN length(lexeme) >= 8 THEN '''' || left(lexeme, -2) || ''':*'
        WHEN length(lexeme) >= 6 THEN '''' || left(lexeme, -1) || ''':*'
        WHEN length(lexeme) >= 4 THEN '''' || lexeme || ''':*'
        ELSE '''' || lexeme || '''' END)::tsquery AS near
    FROM unnest(tsvector_to_array(to_tsvector('english', $3))) AS lexeme
),
hits AS (
    SELECT name, lexeme, max(greatest(
        ts_rank($5::real[], search, exact), $6::float8 * least(1, ts_rank($5::real[], search, near)))) AS strength
    FROM wanted JOIN live ON search @@ near
    GROUP BY name, lexeme
),
rarity AS (
    SELECT lexeme, CASE count(name) WHEN 0 THEN $7::float8 ELSE 1 / (1 + ln(count(name))) END AS weight
    FROM wanted LEFT JOIN hits USING (lexeme)
    GROUP BY lexeme
),
ranked AS (
    SELECT name, sum(strength * weight) / (SELECT sum(weight) FROM rarity) AS covered
    FROM hits JOIN rarity USING (lexeme)
    GROUP BY name ORDER BY covered DESC, name LIMIT $8
),
shown AS (
    {_GROUPED}, covered FROM live JOIN ranked USING (name) ORDER BY name, registered_at DESC, instance
),
scored AS MATERIALIZED (
    SELECT shown.*, least(1, covered * (1 + $9::float8 * least(2, (
        SELECT count(DISTINCT lexemes) FROM (
            SELECT tsvector_to_array(to_tsvector('english', regexp_replace(label #>> '{{}}', '\\W|_', ' ', 'g')))
            FROM (SELECT jsonb_path_query(skills, '$[*]')
                  UNION ALL SELECT jsonb_path_query(document, '$.skills[*].tags[*]')) AS labels (label)
        ) AS label (lexemes)
        WHERE lexemes <> '{{}}' AND lexemes <@ (SELECT array_agg(lexeme) FROM wanted))))) AS score
    FROM shown
)
SELECT name, tenant, description, skills, document, urls, (score * 100)::float8 AS score
FROM scored WHERE score >= $10::float8
ORDER BY score DESC, name LIMIT $4
"""  # noqa: S608 - constants
"""Entries that cover the words of a need, best first, in one round trip.

A word counts by how rare it is among the names it hits, and by where it hits (name, description, other words); a form
that only begins alike counts for less, a word that hits nothing weighs against all. A skill id or tag that the need
holds whole raises the score.
"""
