"""The statements of the knowledge server. A tenant sees its own documents and everybody's, its own first, each only
where its source begins with one of the prefixes $2: those of the folders that are named now."""

# Hash of every document below a prefix, to skip what did not change.
HASHES = "SELECT source, hash FROM knowledge_documents WHERE tenant = $1 AND starts_with(source, $2)"

# Store a document unless it is there with the same hash; a second writer waits for the first and then finds it.
UPSERT_DOCUMENT = """
INSERT INTO knowledge_documents (id, tenant, source, title, hash, text) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (tenant, source) DO UPDATE
SET title = excluded.title, hash = excluded.hash, text = excluded.text, ingested_at = now()
WHERE knowledge_documents.hash <> excluded.hash
RETURNING id
"""

# The passages that an older text of the document had.
DELETE_PASSAGES = "DELETE FROM knowledge_passages WHERE document_id = $1"

# Passages of a document.
INSERT_PASSAGES = """
INSERT INTO knowledge_passages (document_id, ordinal, tenant, heading, first_line, text)
SELECT $1, p.ordinal - 1, $2, p.heading, p.first_line, p.text
FROM unnest($3::text[], $4::int[], $5::text[]) WITH ORDINALITY AS p (heading, first_line, text, ordinal)
"""

# Documents below a prefix that are not on disk any more.
DELETE_MISSING = """
DELETE FROM knowledge_documents WHERE tenant = $1 AND starts_with(source, $2) AND source <> ALL($3::text[])
RETURNING source
"""

VISIBLE = """
SELECT d.* FROM knowledge_documents d
WHERE (d.tenant = $1 OR (d.tenant = '*' AND NOT EXISTS
  (SELECT 1 FROM knowledge_documents o WHERE o.tenant = $1 AND o.source = d.source)))
  AND EXISTS (SELECT 1 FROM unnest($2::text[]) AS prefix WHERE starts_with(d.source, prefix))
"""

# What a query asks: as web searches are written, and any of its words; those of $2 only if it has no other.
QUERIES = """
WITH words AS (
  SELECT '''' || replace(replace(lexeme, '\\', '\\\\'), '''', '''''') || '''' AS word,
    lexeme = ANY(tsvector_to_array(to_tsvector('english', $2))) AS is_asking
  FROM unnest(to_tsvector('english', $1))
)
SELECT websearch_to_tsquery('english', $1)::text AS strict, coalesce(
  string_agg(word, ' | ') FILTER (WHERE NOT is_asking), string_agg(word, ' | '), '') AS loose
FROM words
"""

# Passages that match $3, best first. Each word counts by its rarity and by how often it stands there, in the heading
# ten times as much as in the text; passages that have all words near each other come up.
SEARCH = f"""
WITH visible AS ({VISIBLE}),
passages AS (
  SELECT v.source, v.tenant, p.heading, p.first_line, p.text, p.search
  FROM knowledge_passages p JOIN visible v ON v.id = p.document_id
  WHERE p.search @@ $4::tsquery
),
total AS (SELECT greatest(count(*), 1)::float AS n FROM knowledge_passages p JOIN visible v ON v.id = p.document_id),
terms AS (SELECT term::tsquery AS term FROM unnest(string_to_array($4::text, ' | ')) AS term),
weights AS (
  SELECT term, ln(1 + (total.n - found.n + 0.5) / (found.n + 0.5)) AS weight
  FROM terms, total, LATERAL (SELECT count(*) AS n FROM passages p WHERE p.search @@ term) found
),
scored AS (
  SELECT p.*, (
    SELECT sum(w.weight * r.rank / (r.rank + 0.05)) / greatest(sum(w.weight), 0.01)
    FROM weights w, LATERAL (SELECT ts_rank_cd('{{0.1, 0.2, 0.4, 1.0}}', p.search, w.term, 0) AS rank) r
  ) + 0.3 * ts_rank_cd('{{0.1, 0.2, 0.4, 1.0}}', p.search, replace($4::text, ' | ', ' & ')::tsquery, 32) AS score
  FROM passages p WHERE p.search @@ $3::tsquery
)
SELECT source, heading, first_line, text, least(score, 1.0) AS score
FROM scored ORDER BY scored.score DESC, source, first_line LIMIT $5
"""  # noqa: S608 - put together from constants

# All documents that a tenant sees.
DOCUMENTS = f"""
SELECT v.source, v.title, v.tenant = '*' AS shared, v.ingested_at, length(v.text) AS characters,
  (SELECT count(*) FROM knowledge_passages p WHERE p.document_id = v.id) AS passages
FROM ({VISIBLE}) v ORDER BY v.source LIMIT $3
"""  # noqa: S608 - put together from constants

# One document.
DOCUMENT = f"SELECT v.source, v.title, v.text FROM ({VISIBLE}) v WHERE v.source = $3"  # noqa: S608 - from constants

# Names of documents, to suggest one.
SOURCES = f"SELECT v.source FROM ({VISIBLE}) v ORDER BY v.source LIMIT $3"  # noqa: S608 - put together from constants
