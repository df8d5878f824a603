"""The floor's SQL: each statement takes a whole batch as arrays, so that a batch costs a few round trips."""

CLAIM = """
WITH wanted AS (
    SELECT id, job_id FROM schedule WHERE worker_id IS NULL AND after <= clock_timestamp()
    ORDER BY priority, after, id LIMIT %(number)s FOR NO KEY UPDATE SKIP LOCKED
), leased AS (
    UPDATE schedule SET worker_id = %(worker)s, claimed_at = clock_timestamp(),
        lease_until = clock_timestamp() + interval '60 s'
    FROM wanted WHERE schedule.id = wanted.id
), queued AS (
    UPDATE job SET status = 'queued', claim = claim + 1, worker_id = %(worker)s, queued_at = clock_timestamp()
    FROM wanted WHERE job.id = wanted.job_id AND status = 'pending'
    RETURNING job.id, claim, runtemplate_id, schedule
), told AS (
    INSERT INTO job_history (job_id, at, from_status, to_status, claim, actor)
    SELECT id, clock_timestamp(), 'pending', 'queued', claim, %(actor)s FROM queued
)
SELECT id, claim, runtemplate_id, schedule, clock_timestamp() FROM queued
"""

START = """
WITH started AS (
    UPDATE job SET status = 'running', begin = clock_timestamp(), host = %(host)s, boot_id = %(boot)s,
        spool_path = new.spool, handle = new.handle::jsonb, command = new.command::jsonb, env = new.env::jsonb,
        env_meta = new.meta::jsonb, app_version = 'n/a', time_limit = 32767, limits = %(limits)s
    FROM unnest(%(ids)s::bigint[], %(claims)s::int[], %(spools)s::text[], %(handles)s::text[], %(commands)s::text[],
        %(envs)s::text[], %(metas)s::text[]) AS new (id, claim, spool, handle, command, env, meta)
    WHERE job.id = new.id AND status = 'queued' AND job.claim = new.claim
    RETURNING job.id, job.claim, job.begin
), told AS (
    INSERT INTO job_history (job_id, at, from_status, to_status, claim, actor)
    SELECT id, begin, 'queued', 'running', claim, %(actor)s FROM started
)
SELECT id, begin FROM started
"""

END = """
UPDATE job SET status = new.status, exitcode = new.code, "end" = new.ended, pid = new.pid, pid_started = 0,
    stdout = convert_from(new.out, 'UTF8'), stderr = convert_from(new.err, 'UTF8'),
    stdout_bytes = length(new.out), stderr_bytes = length(new.err), output_truncated = false,
    cpu_seconds = new.cpu, max_rss_kb = new.peak
FROM unnest(%(ids)s::bigint[], %(claims)s::int[], %(statuses)s::text[], %(codes)s::int[], %(ends)s::timestamptz[],
    %(pids)s::int[], %(outs)s::bytea[], %(errs)s::bytea[], %(cpus)s::float8[], %(peaks)s::bigint[])
    AS new (id, claim, status, code, ended, pid, out, err, cpu, peak)
WHERE job.id = new.id AND job.status = 'running' AND job.claim = new.claim
"""

HISTORY = """
INSERT INTO job_history (job_id, at, from_status, to_status, claim, actor)
SELECT id, clock_timestamp(), step.source, COALESCE(step.target, new.status), claim, %(actor)s
FROM (VALUES ('running', 'finishing'), ('finishing', NULL)) AS step (source, target),
    unnest(%(ids)s::bigint[], %(claims)s::int[], %(statuses)s::text[]) AS new (id, claim, status)
"""

ARTIFACTS = """
INSERT INTO artifacts (job_id, filename, content_type, kind, note, size, sha256, storage, artifact, masked_spans,
    contains_secret, truncated, created_at)
SELECT id, kind || '.txt', 'text/plain', kind, note, length(content), encode(sha256(content), 'hex'), 'row', content,
    0, false, false, clock_timestamp()
FROM unnest(%(ids)s::bigint[], %(outs)s::bytea[], %(errs)s::bytea[]) AS new (id, out, err),
    LATERAL (VALUES ('stdout', 'Standard output', out), ('stderr', 'Standard error', err)) AS s (kind, note, content)
"""

LINES = """
INSERT INTO job_output_lines (job_id, seq, type, line, continued, created_at)
SELECT id, seq, 'stdout', line, false, clock_timestamp()
FROM unnest(%(ids)s::bigint[], %(outs)s::bytea[]) AS new (id, out),
    LATERAL string_to_table(rtrim(convert_from(out, 'UTF8'), E'\\n'), E'\\n') WITH ORDINALITY AS text (line, seq)
"""

COUNT = """
UPDATE runtemplate SET successfull_jobs_count = successfull_jobs_count + new.good,
    failed_jobs_count = failed_jobs_count + new.bad
FROM unnest(%(templates)s::bigint[], %(goods)s::int[], %(bads)s::int[]) AS new (id, good, bad)
WHERE runtemplate.id = new.id
"""

DEQUEUE = "DELETE FROM schedule WHERE job_id = ANY(%(ids)s)"

ROLLUP = """
INSERT INTO outcome_rollup AS old (runtemplate_id, company_id, app_id, hour, outcome, trigger_kind, count,
    duration_sum, duration_min, duration_max, wait_sum)
SELECT template, company, app, date_trunc('hour', ended), outcome, 'manual', count(*),
    sum(duration), min(duration), max(duration), sum(wait)
FROM unnest(%(owners)s::bigint[], %(companies)s::bigint[], %(apps)s::bigint[], %(ends)s::timestamptz[],
    %(outcomes)s::text[], %(durations)s::numeric[], %(waits)s::numeric[])
    AS new (template, company, app, ended, outcome, duration, wait)
GROUP BY 1, 2, 3, 4, 5
ON CONFLICT (runtemplate_id, hour, outcome, trigger_kind) DO UPDATE SET count = old.count + excluded.count,
    duration_sum = old.duration_sum + excluded.duration_sum, wait_sum = old.wait_sum + excluded.wait_sum,
    duration_min = LEAST(old.duration_min, excluded.duration_min),
    duration_max = GREATEST(old.duration_max, excluded.duration_max)
"""

AUDIT = """
WITH written AS (
    INSERT INTO security_audit_log (user_id, company_id, event_type, event_description, entity_type, entity_id, action,
        additional_data, severity, outcome, origin, created_at, mac, mac_key_id)
    SELECT %(user)s, company, 'job_finished', 'Job finish #' || id, 'Job', id, 'run', data::jsonb, 'low', 'done',
        'daemon', clock_timestamp(), mac, %(mac_key)s
    FROM unnest(%(ids)s::bigint[], %(companies)s::bigint[], %(data)s::text[], %(macs)s::text[])
        AS new (id, company, data, mac)
    RETURNING id, created_at
)
INSERT INTO audit_unsealed (audit_id, created_at) SELECT id, created_at FROM written
"""

FINISH = (HISTORY, ARTIFACTS, LINES, COUNT, DEQUEUE, ROLLUP, AUDIT)
