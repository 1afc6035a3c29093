"""All SQL of the registry. Leases are told by the database's clock only, so that no two clocks can disagree.

A tenant sees its own entries, and everyone's unless it has its own of that name. Where a query answers for a name, its
instances are one, and the newest instance speaks for them: in a rolling update it is the one that stays.

A lease is a narrow row of its own, named by the digest of what is registered: a heartbeat changes nothing that an index
holds, and needs nothing but the digest.
"""

from registry.ranking import FIELD_WEIGHTS, NEAR_FORM

# A subquery for each row, never a join: a plan that is made for all would read every lease first.
_LIVE = "(SELECT lease_until FROM registry_leases WHERE digest = entry.lease) > now()"

# What $2 sees of a kind, as `entry`; shadowed ones too.
_SEEN = f"entry.kind = $1 AND entry.tenant IN ($2, '*') AND {_LIVE}"

# What ranks, of a candidate.
_FOUND = "name, tenant, instance, labels, search"

_WEIGHTS = f"ARRAY{FIELD_WEIGHTS}::real[]"

_OF_NAME = f"""
SELECT name, tenant, description, skills, document, urls FROM (
    SELECT entry.*, array_agg(url) OVER (PARTITION BY tenant) AS urls
    FROM registry_entries AS entry WHERE {{name}} AND {_SEEN}
) AS instances
ORDER BY tenant = '*', registered_at DESC, instance LIMIT 1"""  # noqa: S608 - constants

RENEW = """
UPDATE registry_leases AS lease SET lease_until = now() + make_interval(secs => lease.seconds)
WHERE lease.digest = ANY($1::uuid[]) RETURNING lease.digest, lease.lease_until
"""
"""Renews leases; one that is missing from the answer is of no entry."""

REGISTER = f"""
WITH stale AS (
    DELETE FROM registry_leases AS lease USING registry_entries AS entry
    WHERE entry.kind = $1 AND entry.name = $2 AND entry.instance = $3
      AND lease.digest = entry.lease AND lease.digest <> $10::uuid
),
marks AS (
    SELECT array_agg(mark) AS said FROM (
        SELECT $1::text || '/' || $4::text AS mark
        UNION SELECT 'n/' || word FROM unnest(tsvector_to_array(to_tsvector('english', $2))) AS word
        UNION SELECT 'd/' || word FROM unnest(tsvector_to_array(to_tsvector('english', $6))) AS word
    ) AS each
),
registered AS (
    INSERT INTO registry_entries
        (kind, name, instance, tenant, url, description, skills, document, labels, search, lease)
    SELECT $1::text, $2::text, $3::text, $4::text, $5, $6, $7::jsonb, $8::jsonb,
           ARRAY(SELECT array_to_string(lexemes, ' ')
                 FROM unnest($13::text[]) AS label, tsvector_to_array(to_tsvector('english', label)) AS lexemes
                 WHERE lexemes <> '{{}}'),
           setweight(to_tsvector('english', $2), 'A') || setweight(to_tsvector('english', $6), 'B')
               || to_tsvector('english', $9) || array_to_tsvector(marks.said),
           $10::uuid
    FROM marks
    WHERE (SELECT count(*) FROM registry_entries AS entry
           WHERE kind = $1 AND name = $2 AND instance <> $3 AND {_LIVE}) < $12
    ON CONFLICT (kind, name, instance) DO UPDATE SET
        tenant = excluded.tenant, url = excluded.url, description = excluded.description, skills = excluded.skills,
        document = excluded.document, labels = excluded.labels, search = excluded.search, lease = excluded.lease,
        registered_at = now()
    RETURNING lease
),
known AS (
    INSERT INTO registry_known (kind, name, tenant) SELECT $1, $2, $4 FROM registered ON CONFLICT DO NOTHING
)
INSERT INTO registry_leases (digest, seconds, lease_until)
SELECT lease, $11::float8, now() + make_interval(secs => $11::float8) FROM registered
ON CONFLICT (digest) DO UPDATE SET lease_until = excluded.lease_until
RETURNING lease_until
"""  # noqa: S608 - constants
"""Registers what is new or changed; no row when the name has as many live instances as it may.

Beside its words, `search` holds marks that no word looks like: the kind with the tenant, and the words of name (`n/`)
and description (`d/`), which the index can then tell from the others.
"""

DEREGISTER = "DELETE FROM registry_entries WHERE kind = $1 AND name = $2 AND instance = $3"
"""Takes an instance off at once, and its lease with it."""

SWEEP = """
WITH old AS (
    SELECT digest FROM registry_leases WHERE lease_until < now() - make_interval(secs => $1::float8) LIMIT 5000
), gone AS (
    DELETE FROM registry_entries USING old WHERE lease = old.digest RETURNING 1
)
SELECT count(*) FROM gone
"""
"""Deletes what ran out so many seconds ago, and tells how many."""

PING = "SELECT 1"
"""Whether the database answers."""


KNOWN = "SELECT EXISTS (SELECT FROM registry_known WHERE kind = $1 AND name = $3 AND tenant IN ($2, '*'))"
"""Whether there ever was an entry of that name that the tenant saw."""


def _names(within: str, order: str) -> str:
    """Live names of $2 and of everyone by an index, $4 of each at most."""
    return " UNION ".join(
        f"(SELECT DISTINCT {order} AS key, name FROM registry_entries AS entry "  # noqa: S608 - constants
        f"WHERE kind = $1 AND tenant = {tenant} AND {within} AND {_LIVE} ORDER BY key {{way}}, name {{way}} LIMIT $4)"
        for tenant in ("$2", "'*'")
    )


LIST = f"""
SELECT found.* FROM (SELECT DISTINCT name FROM ({_names("name > $3", "name").format(way="")}) AS each
                     ORDER BY name LIMIT $4) AS page
CROSS JOIN LATERAL ({_OF_NAME.format(name="entry.name = page.name")}) AS found
ORDER BY found.name
"""  # noqa: S608 - constants
"""A page of what a tenant sees of a kind, by name, behind the name $3."""

GET = _OF_NAME.format(name="entry.name = $3")
"""The one entry of that name that a tenant sees."""

NEAR = " UNION ".join(
    f"SELECT name FROM ({_names(within, order).format(way=way)}) AS beside"  # noqa: S608 - constants
    for within, order, way in (
        ("name >= $3", "name", ""),
        ("name < $3", "name", "DESC"),
        ("reverse(name) >= reverse($3)", "reverse(name)", ""),
        ("reverse(name) < reverse($3)", "reverse(name)", "DESC"),
    )
)
"""The names that stand beside the name $3, read forwards and backwards: they begin or end like it."""

LEXEMES = "SELECT word, tsvector_to_array(to_tsvector('english', word)) AS lexemes FROM unnest($1::text[]) AS word"
"""The stems of each word, as search knows them; none of one that says nothing."""

SIZE = "SELECT reltuples::float8 FROM pg_class WHERE oid = 'registry_entries'::regclass"
"""About how many entries there are; -1 where nobody has counted."""

FREQUENCIES = """
SELECT most_common_elems::text::text[] AS lexemes, most_common_elem_freqs AS shares FROM pg_stats
WHERE schemaname = current_schema() AND tablename = 'registry_entries' AND attname = 'search'
"""
"""The most common stems and the share of entries that have them, as of the last ANALYZE."""

_LOOKS = f"""
    SELECT each.* FROM unnest($3::text[], $4::int[]) AS look(query, most) CROSS JOIN LATERAL (
        SELECT {_FOUND} FROM registry_entries AS entry
        WHERE search @@ look.query::tsquery AND {_SEEN} LIMIT look.most
    ) AS each"""  # noqa: S608 - constants

# In the order of an index, which is read until there are enough: without an order it would be read whole.
_WALK = " UNION ALL ".join(
    f"""(
    SELECT {_FOUND} FROM (
        SELECT * FROM registry_entries WHERE kind = $1 AND tenant = {tenant} ORDER BY name LIMIT $10
    ) AS entry WHERE search @@ $9::tsquery AND {_LIVE})"""  # noqa: S608 - constants
    for tenant in ("$2", "'*'")
)

# Two dozen rows are ranked in the process: a plan that groups and joins them costs more to begin than to run.
_CANDIDATES = f"""
WITH wanted AS MATERIALIZED (
    SELECT exact::tsquery, near::tsquery
    FROM unnest(string_to_array($6, '/'), string_to_array($7, '/')) AS each(exact, near)
)
SELECT name, tenant, array_to_string(ARRAY(
    SELECT CASE WHEN search @@ near THEN greatest(ts_rank({_WEIGHTS}, search, exact),
        {NEAR_FORM}::real * least(1, ts_rank({_WEIGHTS}, search, near))) ELSE 0 END
    FROM wanted
), ' ') AS strengths, array_to_string(ARRAY(
    SELECT label FROM unnest(labels) AS label WHERE string_to_array(label, ' ') <@ string_to_array($8, '/')
), '/') AS labels
FROM (
    SELECT DISTINCT ON (name COLLATE "C", tenant COLLATE "C", instance COLLATE "C") *
    FROM ({{found}} LIMIT $5) AS found
) AS candidate
"""  # noqa: S608 - constants

CANDIDATES = _CANDIDATES.format(found=_LOOKS)
"""The first $5 entries that the looks $3 find, at most $4 of each, with how strongly each word of the need hits them
and the labels that it holds whole. A look begins only where those before it brought too few.

Words come as they are ($8) and as two queries each, for itself ($6) and for what begins like it ($7): in one text with
a `/` between, which no stem has, for asyncpg takes longer over lists than over all else. So do strengths and labels.
"""

CANDIDATES_AND_WALK = _CANDIDATES.format(found=f"({_LOOKS}) UNION ALL {_WALK}")
"""The same, where the looks bring too few: then with those of the first $10 entries that hold $9."""

SHOWN = f"""
SELECT best.place::int, entry.* FROM (
    SELECT ltrim(each, '*') AS name, starts_with(each, '*') AS everyones, place
    FROM string_to_table($3, '/') WITH ORDINALITY AS marked(each, place) ORDER BY place
) AS best CROSS JOIN LATERAL ({_OF_NAME.format(name="entry.name = best.name")}) AS entry
WHERE best.everyones = (entry.tenant = '*') ORDER BY best.place LIMIT $4
"""  # noqa: S608 - constants
"""The first $4 of the names $3 that are live, as the tenant sees them. Everyone's come with a `*` before the name, and
are not seen beside the tenant's own."""
