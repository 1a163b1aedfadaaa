SET LOCAL search_path TO llmgateway;

-- Sums of rows by day and end user, and by day and all labels, until the day's first row is pruned.
CREATE TABLE detail (
    start_s bigint NOT NULL,
    kind text NOT NULL CHECK (kind IN ('end_user', 'labels')),
    value text NOT NULL,
    latency_bucket smallint,
    attempt_count bigint NOT NULL,
    call_count bigint NOT NULL,
    error_count bigint NOT NULL,
    input_token_count bigint NOT NULL,
    cached_input_token_count bigint NOT NULL,
    cache_write_input_token_count bigint NOT NULL,
    output_token_count bigint NOT NULL,
    reasoning_token_count bigint NOT NULL,
    cost_usd_nanos bigint NOT NULL,
    unpriced_count bigint NOT NULL,
    request_count bigint NOT NULL,
    answer_count bigint NOT NULL,
    UNIQUE NULLS NOT DISTINCT (kind, start_s, value, latency_bucket)
);

-- Take the rows of some numbers into the details.
CREATE FUNCTION roll_details(after bigint, up_to bigint) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO detail AS d (
        start_s, kind, value, latency_bucket, attempt_count, call_count, error_count, input_token_count,
        cached_input_token_count, cache_write_input_token_count, output_token_count, reasoning_token_count,
        cost_usd_nanos, unpriced_count, request_count, answer_count
    )
    SELECT
        started_ns / 86400000000000 * 86400, by.kind, by.value, latency_bucket,
        count(*) FILTER (WHERE source <> 'adjustment'),
        count(*) FILTER (WHERE source <> 'adjustment' AND a.kind NOT IN ('retry', 'fallback', 'hedge')),
        count(*) FILTER (WHERE outcome NOT IN ('', 'ok')),
        sum(input_token_count), sum(cached_input_token_count), sum(cache_write_input_token_count),
        sum(output_token_count), sum(reasoning_token_count), coalesce(sum(cost_usd_nanos), 0),
        count(*) FILTER (WHERE source <> 'adjustment' AND cost_usd_nanos IS NULL), sum(request_count),
        count(latency_bucket)
    FROM attempt a, LATERAL (VALUES ('end_user', end_user), ('labels', labels::text)) AS by(kind, value)
    WHERE number > after AND number <= up_to
    GROUP BY 1, 2, 3, 4
    ON CONFLICT (kind, start_s, value, latency_bucket) DO UPDATE SET
        attempt_count = d.attempt_count + excluded.attempt_count,
        call_count = d.call_count + excluded.call_count,
        error_count = d.error_count + excluded.error_count,
        input_token_count = d.input_token_count + excluded.input_token_count,
        cached_input_token_count = d.cached_input_token_count + excluded.cached_input_token_count,
        cache_write_input_token_count = d.cache_write_input_token_count + excluded.cache_write_input_token_count,
        output_token_count = d.output_token_count + excluded.output_token_count,
        reasoning_token_count = d.reasoning_token_count + excluded.reasoning_token_count,
        cost_usd_nanos = d.cost_usd_nanos + excluded.cost_usd_nanos,
        unpriced_count = d.unpriced_count + excluded.unpriced_count,
        request_count = d.request_count + excluded.request_count,
        answer_count = d.answer_count + excluded.answer_count;
$$;

SELECT roll_details(0, rolled) FROM mark;

ALTER FUNCTION roll(bigint, integer) RENAME TO roll_groups;

-- Take rows into the sums, some at a time, up to a number; return whether there are more.
CREATE FUNCTION roll(up_to bigint, most integer) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    done bigint := (SELECT m.rolled FROM mark m FOR UPDATE);
    has_more boolean := roll_groups(up_to, most);
BEGIN
    PERFORM roll_details(done, (SELECT m.rolled FROM mark m));
    RETURN has_more;
END $$;

ALTER FUNCTION prune(bigint, integer) RENAME TO prune_rows;

-- Delete some rows of before the hour of a time, and the details of days that are pruned in part; return how many rows.
CREATE FUNCTION prune(time_ns bigint, most integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    count integer := prune_rows(time_ns, most);
BEGIN
    DELETE FROM detail WHERE ctid IN (
        SELECT d.ctid FROM detail d, mark WHERE d.start_s * 1000000000 < mark.pruned_ns LIMIT most
    );
    RETURN count;
END $$;
