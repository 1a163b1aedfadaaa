SET LOCAL search_path TO llmgateway;

-- Gateways that live. A beat is of the database's clock. Whoever is missing here is dead, and what it left open is presumed.
-- Reservations with a sequence below the fence are refused: their process gave them up without knowing how they ended.
CREATE TABLE process (
    incarnation text PRIMARY KEY,
    beat_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    fence bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- Families of counters that some gateway's limits need, each with the latest begin of a period that anybody has charged.
CREATE TABLE family (
    scope_kind text NOT NULL,
    metric text NOT NULL,
    "window" text NOT NULL,
    start_s bigint NOT NULL,
    PRIMARY KEY (scope_kind, metric, "window")
);

-- Which gateway needs which family.
CREATE TABLE need (
    incarnation text NOT NULL REFERENCES process ON DELETE CASCADE,
    scope_kind text NOT NULL,
    metric text NOT NULL,
    "window" text NOT NULL,
    PRIMARY KEY (incarnation, scope_kind, metric, "window")
);

-- Locked in order of id. Neither column that changes is in an index, so that an update stays within its page.
CREATE TABLE counter (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    start_s bigint NOT NULL,
    committed bigint NOT NULL DEFAULT 0,
    held bigint NOT NULL DEFAULT 0,
    scope text NOT NULL,
    metric text NOT NULL,
    "window" text NOT NULL,
    UNIQUE (scope, metric, "window", start_s)
) WITH (fillfactor = 50);

-- Attempts that run: what each holds of which counters.
CREATE TABLE intent (
    attempt_id text PRIMARY KEY,
    incarnation text NOT NULL,
    expires_ns bigint NOT NULL,
    held_usd_nanos bigint NOT NULL,
    counters bigint[] NOT NULL,
    amounts bigint[] NOT NULL,
    entry jsonb NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.0, autovacuum_vacuum_threshold = 20000);

-- What changes on a counter.
CREATE TYPE delta AS (scope text, metric text, "window" text, start_s bigint, held bigint, committed bigint);

-- Attempts that have ended, and adjustments. Only a presumed one still knows what it charged: a late settlement corrects that.
CREATE TABLE attempt (
    number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    started_ns bigint NOT NULL,
    ended_ns bigint NOT NULL,
    cost_usd_nanos bigint,
    held_usd_nanos bigint NOT NULL,
    overrun_usd_nanos bigint NOT NULL,
    input_token_count bigint NOT NULL,
    cached_input_token_count bigint NOT NULL,
    cache_write_input_token_count bigint NOT NULL,
    output_token_count bigint NOT NULL,
    reasoning_token_count bigint NOT NULL,
    request_count bigint NOT NULL,
    latency_us bigint NOT NULL,
    first_content_us bigint,
    http_status integer NOT NULL,
    latency_bucket smallint,
    source text NOT NULL,
    outcome text NOT NULL,
    kind text NOT NULL,
    key text NOT NULL,
    team text NOT NULL,
    end_user text NOT NULL,
    route text NOT NULL,
    provider text NOT NULL,
    model text NOT NULL,
    cache text NOT NULL,
    method text NOT NULL,
    price_version text NOT NULL,
    attempt_id text PRIMARY KEY,
    call_id text NOT NULL,
    adjusts text NOT NULL,
    reason text NOT NULL,
    teams text[] NOT NULL,
    labels jsonb NOT NULL,
    charges delta[]
);
CREATE INDEX attempt_started ON attempt (started_ns, attempt_id);

-- Sums of rows by hour and by day, which take rows in by their numbers. Pruning a row changes none.
CREATE TABLE rolled (
    start_s bigint NOT NULL,
    length_s integer NOT NULL,
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
    key text NOT NULL,
    team text NOT NULL,
    teams text[] NOT NULL,
    route text NOT NULL,
    provider text NOT NULL,
    model text NOT NULL,
    UNIQUE NULLS NOT DISTINCT (length_s, start_s, key, team, teams, route, provider, model, latency_bucket)
);

-- One row: up to which number rows are in the sums, and before which time there may be nothing but sums.
CREATE TABLE mark (rolled bigint NOT NULL, pruned_ns bigint NOT NULL);
INSERT INTO mark VALUES (0, 0);

-- Objects of the admin services. A deleted one stays, without a body, so that others learn of it.
CREATE TABLE object (
    kind text NOT NULL,
    id text NOT NULL,
    body bytea NOT NULL,
    revision bigint NOT NULL UNIQUE,
    created_ns bigint NOT NULL,
    updated_ns bigint NOT NULL,
    is_deleted boolean NOT NULL DEFAULT false,
    PRIMARY KEY (kind, id)
);

-- One row, locked by whoever changes an object: revisions become visible in their order, and whoever reads misses none.
CREATE TABLE object_revision (latest bigint NOT NULL);
INSERT INTO object_revision VALUES (0);

-- Return the ids of counters in their order; add those that are missing.
CREATE FUNCTION counter_ids(scopes text[], metrics text[], windows text[], starts bigint[]) RETURNS bigint[]
LANGUAGE plpgsql AS $$
DECLARE
    ids bigint[];
BEGIN
    FOR look IN 1 .. 2 LOOP
        SELECT array_agg(c.id ORDER BY o.place) INTO ids
        FROM unnest(scopes, metrics, windows, starts) WITH ORDINALITY AS o(scope, metric, "window", start_s, place)
        LEFT JOIN counter c USING (scope, metric, "window", start_s);
        EXIT WHEN array_position(ids, NULL) IS NULL;
        -- In one order everywhere, and before any counter is locked: nobody waits for one who waits.
        INSERT INTO counter (scope, metric, "window", start_s)
        SELECT DISTINCT o.scope, o.metric, o."window", o.start_s
        FROM unnest(scopes, metrics, windows, starts) AS o(scope, metric, "window", start_s)
        LEFT JOIN counter c USING (scope, metric, "window", start_s)
        WHERE c.id IS NULL
        ORDER BY 1, 2, 3, 4
        ON CONFLICT DO NOTHING;
    END LOOP;
    RETURN coalesce(ids, '{}');
END $$;

-- Change counters: each once, locked in order of id.
CREATE FUNCTION change_counters(deltas delta[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    ids bigint[];
    helds bigint[];
    committeds bigint[];
BEGIN
    WITH sums AS (
        SELECT scope, metric, "window", start_s, sum(held)::bigint AS held, sum(committed)::bigint AS committed
        FROM unnest(deltas) GROUP BY 1, 2, 3, 4
    )
    SELECT counter_ids(array_agg(scope), array_agg(metric), array_agg("window"), array_agg(start_s)),
           array_agg(held), array_agg(committed)
    INTO ids, helds, committeds FROM sums;
    PERFORM 1 FROM counter WHERE id = ANY (ids) ORDER BY id FOR NO KEY UPDATE;
    UPDATE counter c SET held = c.held + d.held, committed = c.committed + d.committed
    FROM unnest(ids, helds, committeds) AS d(id, held, committed)
    WHERE c.id = d.id AND (d.held <> 0 OR d.committed <> 0);
    UPDATE family f SET start_s = d.start_s
    FROM (
        SELECT split_part(scope, '/', 1) AS scope_kind, metric, "window", max(start_s) AS start_s
        FROM unnest(deltas) GROUP BY 1, 2, 3
    ) d
    WHERE (f.scope_kind, f.metric, f."window") = (d.scope_kind, d.metric, d."window") AND f.start_s < d.start_s;
END $$;

-- Take part in a reservation: whoever was taken for dead, or has given this one up, must not.
CREATE FUNCTION take_part(self text, sequence bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    beat timestamptz;
BEGIN
    -- A beat does not wait for this lock, but whoever takes a process for dead, or raises its fence, does.
    SELECT beat_at INTO beat FROM process WHERE incarnation = self AND fence <= sequence FOR KEY SHARE;
    IF beat IS NULL THEN
        RAISE EXCEPTION 'this incarnation is over' USING ERRCODE = 'LG001';
    END IF;
    -- A lease is shorter than a death only for who has beaten of late.
    IF beat < clock_timestamp() - interval '3 s' THEN
        UPDATE process SET beat_at = clock_timestamp() WHERE incarnation = self;
    END IF;
END $$;

-- See to it that no reservation of a process with a lower sequence will ever succeed that has not by now.
CREATE FUNCTION raise_fence(self text, sequence bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM process WHERE incarnation = self FOR UPDATE;
    UPDATE process SET fence = sequence WHERE incarnation = self AND fence < sequence;
END $$;

-- How much of `least` to `most` is granted where so much room is left; NULL is room without an end.
CREATE FUNCTION granted(least_cost bigint, fair_cost bigint, most_cost bigint, room bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN room IS NULL OR most_cost <= room / 8 THEN most_cost
        ELSE greatest(least_cost, least(most_cost, greatest(room / 8, fair_cost), room))
    END
$$;

-- Reserve for several calls, one after the other, each wholly or not at all. Counters are given once, and holds name them by
-- their place. Call n has the intents up to intent_ends[n]; intent n has the holds up to hold_ends[n], of different counters.
-- Return for each call what each intent is granted of cost, or committed and held of the counter of each hold.
CREATE FUNCTION reserve(
    self text, sequence bigint,
    scopes text[], metrics text[], windows text[], starts bigint[],
    hold_places integer[], hold_limits bigint[], hold_amounts bigint[],
    attempt_ids text[], expiries bigint[], entries text[], leasts bigint[], fairs bigint[], mosts bigint[],
    hold_ends integer[], intent_ends integer[]
) RETURNS TABLE (is_granted boolean, numbers bigint[])
LANGUAGE plpgsql AS $$
DECLARE
    ids bigint[];
    committeds bigint[] := array_fill(0::bigint, ARRAY[cardinality(scopes)]);
    helds bigint[] := committeds;
    asked bigint[] := committeds;
    charged bigint[];
    spot record;
    place integer;
    room bigint;
    cost bigint;
    first_intent integer := 1;
    first_hold integer := 1;
    next_hold integer;
BEGIN
    PERFORM take_part(self, sequence);
    ids := counter_ids(scopes, metrics, windows, starts);
    FOR spot IN
        SELECT o.place, c.committed, c.held FROM unnest(ids) WITH ORDINALITY AS o(id, place) JOIN counter c USING (id)
        ORDER BY c.id FOR NO KEY UPDATE OF c
    LOOP
        committeds[spot.place] := spot.committed;
        helds[spot.place] := spot.held;
    END LOOP;
    FOR c IN 1 .. cardinality(intent_ends) LOOP
        numbers := '{}';
        is_granted := true;
        FOR h IN first_hold .. hold_ends[intent_ends[c]] LOOP
            asked[hold_places[h]] := 0;
        END LOOP;
        next_hold := first_hold;
        FOR i IN first_intent .. intent_ends[c] LOOP
            FOR h IN next_hold .. hold_ends[i] LOOP
                place := hold_places[h];
                IF metrics[place] = 'cost' THEN
                    hold_amounts[h] := leasts[i];
                END IF;
                asked[place] := asked[place] + hold_amounts[h];
            END LOOP;
            next_hold := hold_ends[i] + 1;
        END LOOP;
        FOR h IN first_hold .. next_hold - 1 LOOP
            place := hold_places[h];
            IF asked[place] > 0 AND committeds[place] + helds[place] + asked[place] > hold_limits[h] THEN
                is_granted := false;
            END IF;
        END LOOP;
        IF is_granted THEN
            FOR h IN first_hold .. next_hold - 1 LOOP
                helds[hold_places[h]] := helds[hold_places[h]] + hold_amounts[h];
            END LOOP;
        ELSE
            FOR h IN first_hold .. next_hold - 1 LOOP
                numbers := numbers || committeds[hold_places[h]] || helds[hold_places[h]];
            END LOOP;
        END IF;
        next_hold := first_hold;
        FOR i IN first_intent .. intent_ends[c] LOOP
            EXIT WHEN NOT is_granted;
            room := NULL;
            FOR h IN next_hold .. hold_ends[i] LOOP
                place := hold_places[h];
                IF metrics[place] = 'cost' THEN
                    room := least(room, hold_limits[h] - committeds[place] - helds[place] + leasts[i]);
                END IF;
            END LOOP;
            cost := granted(leasts[i], fairs[i], mosts[i], room);
            charged := '{}';
            FOR h IN next_hold .. hold_ends[i] LOOP
                place := hold_places[h];
                charged := charged || ids[place];
                IF metrics[place] = 'cost' THEN
                    hold_amounts[h] := cost;
                    helds[place] := helds[place] + cost - leasts[i];
                END IF;
            END LOOP;
            INSERT INTO intent
            VALUES (attempt_ids[i], self, expiries[i], cost, charged, hold_amounts[next_hold:hold_ends[i]], entries[i]::jsonb);
            numbers := numbers || cost;
            next_hold := hold_ends[i] + 1;
        END LOOP;
        first_hold := hold_ends[intent_ends[c]] + 1;
        first_intent := intent_ends[c] + 1;
        RETURN NEXT;
    END LOOP;
    UPDATE counter c SET held = d.held FROM unnest(ids, helds) AS d(id, held) WHERE c.id = d.id AND c.held <> d.held;
END $$;

-- What an attempt is booked at on a counter of a metric.
CREATE FUNCTION amount_of(metric text, cost bigint, tokens bigint, requests bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE metric WHEN 'cost' THEN coalesce(cost, 0) WHEN 'tokens' THEN tokens ELSE requests END
$$;

-- The scopes of the teams that an attempt belongs to.
CREATE FUNCTION team_scopes(team text, teams text[]) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN ARRAY(SELECT DISTINCT 'team/' || name FROM unnest(teams || team) AS name WHERE name <> '');
END $$;

-- The scopes of one kind that an attempt belongs to. An expression, so that PostgreSQL calls no function for it.
CREATE FUNCTION scopes_of(
    scope_kind text, team_scopes text[], key text, end_user text, provider text, model text
) RETURNS text[]
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN scope_kind = 'organization' THEN ARRAY['organization']
        WHEN scope_kind = 'team' THEN team_scopes
        WHEN scope_kind = 'key' AND key <> '' THEN ARRAY['key/' || key]
        WHEN scope_kind = 'end_user' AND end_user <> '' THEN ARRAY['end_user/' || end_user]
        WHEN scope_kind = 'provider' AND provider <> '' THEN ARRAY['provider/' || provider]
        WHEN scope_kind = 'model' AND model <> '' THEN ARRAY['model/' || provider || '/' || model]
        ELSE '{}'
    END
$$;

-- What the counters that an intent holds have of it.
CREATE FUNCTION held_charges(opened intent) RETURNS delta[]
LANGUAGE plpgsql STABLE AS $$
DECLARE
    charges delta[];
BEGIN
    SELECT array_agg(ROW(c.scope, c.metric, c."window", c.start_s, h.amount, 0)::delta) INTO charges
    FROM unnest(opened.counters, opened.amounts) AS h(id, amount) JOIN counter c USING (id);
    RETURN coalesce(charges, '{}');
END $$;

-- Counters beside the known ones that an attempt belongs to, each at its amount: those among `extra` whose family is kept,
-- and those of all other families that any gateway needs, in the latest period that anybody knows of.
CREATE FUNCTION other_charges(
    entry jsonb, known delta[], extra jsonb, cost bigint, tokens bigint, requests bigint, kept family[]
) RETURNS delta[]
LANGUAGE plpgsql STABLE AS $$
DECLARE
    charges delta[] := '{}';
    seen text[] := '{}';
    one delta;
    fitting family;
    named jsonb;
    scope text;
    metric text;
    "window" text;
    began record;
    teams text[];
BEGIN
    FOREACH one IN ARRAY known LOOP
        seen := seen || ARRAY[format('%s %s %s', one.metric, one."window", one.scope)];
    END LOOP;
    FOR named IN SELECT value FROM jsonb_array_elements(extra) LOOP
        scope := named ->> 0;
        metric := named ->> 1;
        "window" := named ->> 2;
        CONTINUE WHEN format('%s %s %s', metric, "window", scope) = ANY (seen);
        FOREACH fitting IN ARRAY kept LOOP
            CONTINUE WHEN (fitting.scope_kind, fitting.metric, fitting."window")
                <> (split_part(scope, '/', 1), metric, "window");
            seen := seen || ARRAY[format('%s %s %s', metric, "window", scope)];
            charges := charges || ROW(
                scope, metric, "window", (named ->> 3)::bigint, 0, amount_of(metric, cost, tokens, requests)
            )::delta;
        END LOOP;
    END LOOP;
    SELECT * INTO began FROM jsonb_to_record(entry) AS e(
        started_ns bigint, team text, teams text[], key text, end_user text, provider text, model text
    );
    teams := team_scopes(began.team, began.teams);
    FOREACH fitting IN ARRAY kept LOOP
        CONTINUE WHEN began.started_ns < fitting.start_s * 1000000000;
        FOREACH scope IN ARRAY scopes_of(
            fitting.scope_kind, teams, began.key, began.end_user, began.provider, began.model
        ) LOOP
            CONTINUE WHEN format('%s %s %s', fitting.metric, fitting."window", scope) = ANY (seen);
            charges := charges || ROW(
                scope, fitting.metric, fitting."window", fitting.start_s, 0,
                amount_of(fitting.metric, cost, tokens, requests)
            )::delta;
        END LOOP;
    END LOOP;
    RETURN charges;
END $$;

-- Add a row from what was known at its begin and at its end; return whether it is new.
CREATE FUNCTION add_attempt(entry jsonb, source text, ending jsonb, held_cost bigint, overrun bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO attempt (
        started_ns, ended_ns, cost_usd_nanos, held_usd_nanos, overrun_usd_nanos, input_token_count,
        cached_input_token_count, cache_write_input_token_count, output_token_count, reasoning_token_count,
        request_count, latency_us, first_content_us, http_status, latency_bucket, source, outcome, kind, key, team,
        end_user, route, provider, model, cache, method, price_version, attempt_id, call_id, adjusts, reason, teams, labels
    )
    SELECT
        e.started_ns, s.ended_ns, s.cost_usd_nanos, held_cost, overrun, s.input_token_count,
        s.cached_input_token_count, s.cache_write_input_token_count, s.output_token_count, s.reasoning_token_count,
        s.request_count, s.latency_us, s.first_content_us, s.http_status, s.latency_bucket, add_attempt.source, s.outcome,
        e.kind, e.key, e.team, e.end_user, e.route, e.provider, e.model, s.cache, e.method, e.price_version, e.attempt_id,
        e.call_id, coalesce(s.adjusts, ''), coalesce(s.reason, ''), e.teams, e.labels
    FROM jsonb_to_record(entry) AS e(
        attempt_id text, call_id text, method text, kind text, started_ns bigint, key text, team text, end_user text,
        labels jsonb, route text, provider text, model text, price_version text, teams text[]
    ), jsonb_to_record(ending) AS s(
        cost_usd_nanos bigint, input_token_count bigint, cached_input_token_count bigint,
        cache_write_input_token_count bigint, output_token_count bigint, reasoning_token_count bigint,
        request_count bigint, ended_ns bigint, latency_us bigint, first_content_us bigint, http_status integer,
        latency_bucket smallint, outcome text, cache text, adjusts text, reason text
    )
    ON CONFLICT (attempt_id) DO NOTHING;
    RETURN FOUND;
END $$;

-- Return the families that are kept, and keep them so to the end of the transaction. Whoever adds a row does this first,
-- shared; an activation does it alone: it sums up rows, and nobody may add any meanwhile.
CREATE FUNCTION kept_families(is_alone boolean DEFAULT false) RETURNS family[]
LANGUAGE plpgsql AS $$
BEGIN
    IF is_alone THEN
        PERFORM pg_advisory_xact_lock(5497853, 1);
    ELSE
        PERFORM pg_advisory_xact_lock_shared(5497853, 1);
    END IF;
    RETURN ARRAY(SELECT f FROM family f);
END $$;

-- Return the ending of a late settlement: what differs from the presumption.
CREATE FUNCTION late_ending(presumed attempt, source text, ending jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT ending || jsonb_build_object(
        'cost_usd_nanos', coalesce((ending ->> 'cost_usd_nanos')::bigint, 0) - coalesce(presumed.cost_usd_nanos, 0),
        'input_token_count', (ending ->> 'input_token_count')::bigint - presumed.input_token_count,
        'cached_input_token_count',
        (ending ->> 'cached_input_token_count')::bigint - presumed.cached_input_token_count,
        'cache_write_input_token_count',
        (ending ->> 'cache_write_input_token_count')::bigint - presumed.cache_write_input_token_count,
        'output_token_count', (ending ->> 'output_token_count')::bigint - presumed.output_token_count,
        'reasoning_token_count', (ending ->> 'reasoning_token_count')::bigint - presumed.reasoning_token_count,
        'request_count', (ending ->> 'request_count')::bigint - presumed.request_count,
        'adjusts', presumed.attempt_id,
        'reason', 'settled late: ' || source
    )
$$;

-- What an attempt was known by when it began, of its row.
CREATE FUNCTION entry_of(a attempt) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_build_object(
        'attempt_id', a.attempt_id, 'call_id', a.call_id, 'method', a.method, 'kind', a.kind, 'started_ns', a.started_ns,
        'key', a.key, 'team', a.team, 'end_user', a.end_user, 'labels', a.labels, 'route', a.route,
        'provider', a.provider, 'model', a.model, 'price_version', a.price_version, 'teams', a.teams
    )
$$;

-- Book how one attempt ended; return what that changes on counters.
CREATE FUNCTION settle_one(op jsonb, kept family[]) RETURNS delta[]
LANGUAGE plpgsql AS $$
DECLARE
    ending jsonb := op -> 'ending';
    entry jsonb := op -> 'entry';
    source text := op ->> 'source';
    cost bigint := coalesce((ending ->> 'cost_usd_nanos')::bigint, 0);
    tokens bigint := (ending ->> 'input_token_count')::bigint + (ending ->> 'output_token_count')::bigint;
    requests bigint := (ending ->> 'request_count')::bigint;
    opened intent;
    presumed attempt;
    known delta[] := '{}';
    overrun bigint := 0;
BEGIN
    IF entry IS NOT NULL THEN
        IF NOT add_attempt(entry, source, ending, 0, 0) THEN
            RETURN '{}';
        END IF;
        RETURN other_charges(entry, '{}', op -> 'charges', cost, tokens, requests, kept);
    END IF;
    DELETE FROM intent WHERE attempt_id = op ->> 'attempt_id' RETURNING * INTO opened;
    IF FOUND THEN
        known := held_charges(opened);
        IF EXISTS (SELECT FROM unnest(known) WHERE metric = 'cost') THEN
            overrun := greatest(0, cost - opened.held_usd_nanos);
        END IF;
        PERFORM add_attempt(opened.entry, source, ending, opened.held_usd_nanos, overrun);
        RETURN (
            SELECT coalesce(array_agg(
                ROW(k.scope, k.metric, k."window", k.start_s, -k.held, amount_of(k.metric, cost, tokens, requests))::delta
            ), '{}')
            FROM unnest(known) k
        ) || other_charges(opened.entry, known, op -> 'charges', cost, tokens, requests, kept);
    END IF;
    SELECT * INTO presumed FROM attempt a WHERE a.attempt_id = op ->> 'attempt_id' AND a.source = 'presumed';
    IF NOT FOUND THEN
        RETURN '{}';
    END IF;
    entry := entry_of(presumed) || jsonb_build_object('attempt_id', presumed.attempt_id || '/late');
    IF NOT add_attempt(
        entry, 'adjustment', late_ending(presumed, source, ending), 0, greatest(0, cost - presumed.held_usd_nanos)
    ) THEN
        RETURN '{}';
    END IF;
    RETURN (
        SELECT coalesce(array_agg(
            ROW(
                k.scope, k.metric, k."window", k.start_s, 0,
                amount_of(k.metric, cost, tokens, requests) - k.committed
            )::delta
        ), '{}')
        FROM unnest(presumed.charges) k
    ) || other_charges(
        entry, presumed.charges, op -> 'charges', cost - coalesce(presumed.cost_usd_nanos, 0),
        tokens - presumed.input_token_count, requests - presumed.request_count, kept
    );
END $$;

-- Book how attempts ended. What was booked before is left as it is.
CREATE FUNCTION settle(ops jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    kept family[] := kept_families();
BEGIN
    PERFORM change_counters(ARRAY(
        SELECT d FROM jsonb_array_elements(ops) AS o(op), unnest(settle_one(op, kept)) AS d
    ));
END $$;

-- Book a correction of cost.
CREATE FUNCTION adjust(entry jsonb, ending jsonb, charges jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    kept family[] := kept_families();
    cost bigint := (ending ->> 'cost_usd_nanos')::bigint;
BEGIN
    IF add_attempt(entry, 'adjustment', ending, 0, 0) THEN
        PERFORM change_counters(ARRAY(
            SELECT d FROM unnest(other_charges(entry, '{}', charges, cost, 0, 0, kept)) AS d WHERE d.metric = 'cost'
        ));
    END IF;
END $$;

-- Take processes for dead that have not beaten of late, but not oneself.
CREATE FUNCTION bury(self text, dead_after interval) RETURNS void
LANGUAGE sql AS $$
    DELETE FROM process WHERE incarnation IN (
        SELECT incarnation FROM process
        WHERE incarnation <> self AND beat_at < clock_timestamp() - dead_after
        FOR UPDATE SKIP LOCKED
    )
$$;

-- Presume some of the intents that nobody will settle in time; return how many.
CREATE FUNCTION presume(now_ns bigint, most integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    kept family[] := kept_families();
    deltas delta[] := '{}';
    opened intent;
    booked delta[];
    tokens bigint;
    requests bigint;
    count integer := 0;
BEGIN
    FOR opened IN
        -- Materialized: a subquery in the condition may be run anew for each row, and find others each time.
        WITH due AS MATERIALIZED (
            SELECT i.attempt_id FROM intent i
            WHERE i.expires_ns <= now_ns OR NOT EXISTS (SELECT FROM process p WHERE p.incarnation = i.incarnation)
            LIMIT most FOR UPDATE OF i SKIP LOCKED
        )
        DELETE FROM intent USING due WHERE intent.attempt_id = due.attempt_id RETURNING intent.*
    LOOP
        booked := held_charges(opened);
        SELECT coalesce(max(held) FILTER (WHERE metric = 'tokens'), 0),
               coalesce(max(held) FILTER (WHERE metric = 'requests'), 0)
        INTO tokens, requests FROM unnest(booked);
        PERFORM add_attempt(opened.entry, 'presumed', jsonb_build_object(
            'cost_usd_nanos', opened.held_usd_nanos, 'input_token_count', tokens, 'cached_input_token_count', 0,
            'cache_write_input_token_count', 0, 'output_token_count', 0, 'reasoning_token_count', 0,
            'request_count', requests, 'ended_ns', now_ns, 'latency_us', 0, 'http_status', 0, 'outcome', '', 'cache', ''
        ), opened.held_usd_nanos, 0);
        booked := ARRAY(
            SELECT ROW(k.scope, k.metric, k."window", k.start_s, -k.held, k.held)::delta FROM unnest(booked) k
        ) || other_charges(opened.entry, booked, '[]', opened.held_usd_nanos, tokens, requests, kept);
        UPDATE attempt SET charges = booked WHERE attempt_id = opened.entry ->> 'attempt_id';
        deltas := deltas || booked;
        count := count + 1;
    END LOOP;
    PERFORM change_counters(deltas);
    RETURN count;
END $$;

-- Sum up what counters of one family have spent since a time: whole hours from their sums and from the rows that these have
-- not taken in, the rest from rows. Sums know no end users.
CREATE FUNCTION sum_up(kind_ text, metric_ text, window_ text, since_s bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    next_hour_ns bigint := (since_s + 3599) / 3600 * 3600 * 1000000000;
    is_for_users boolean := kind_ = 'end_user';
BEGIN
    INSERT INTO counter (scope, metric, "window", start_s, committed)
    SELECT s.scope, metric_, window_, since_s, sum(amount)
    FROM (
        -- By what the kind of scope asks for alone, so that few groups remain.
        SELECT
            CASE kind_ WHEN 'team' THEN team ELSE '' END AS team,
            CASE kind_ WHEN 'team' THEN teams ELSE '{}' END AS teams,
            CASE kind_ WHEN 'key' THEN key ELSE '' END AS key,
            CASE kind_ WHEN 'end_user' THEN end_user ELSE '' END AS end_user,
            CASE WHEN kind_ IN ('provider', 'model') THEN provider ELSE '' END AS provider,
            CASE kind_ WHEN 'model' THEN model ELSE '' END AS model,
            sum(amount_of(metric_, cost, tokens, requests)) AS amount
        FROM (
            SELECT team, teams, key, '' AS end_user, provider, model, cost_usd_nanos AS cost,
                input_token_count + output_token_count AS tokens, request_count AS requests
            FROM rolled WHERE length_s = 3600 AND start_s >= since_s AND NOT is_for_users
            UNION ALL
            SELECT team, teams, key, '', provider, model, cost_usd_nanos, input_token_count + output_token_count,
                request_count
            FROM attempt, mark
            WHERE number > mark.rolled AND started_ns / 3600000000000 * 3600 >= since_s AND NOT is_for_users
            UNION ALL
            SELECT team, teams, key, end_user, provider, model, cost_usd_nanos, input_token_count + output_token_count,
                request_count
            FROM attempt, mark
            WHERE started_ns >= greatest(since_s * 1000000000, mark.pruned_ns)
            AND (is_for_users OR started_ns < next_hour_ns)
        ) a
        GROUP BY 1, 2, 3, 4, 5, 6
    ) spent, unnest(scopes_of(kind_, team_scopes(team, teams), key, end_user, provider, model)) AS s(scope)
    GROUP BY 1
    ORDER BY 1
    ON CONFLICT (scope, metric, "window", start_s) DO UPDATE SET committed = excluded.committed;
END $$;

-- Keep just the families that this process and the others need. Those that nobody kept are summed up: rows stand still
-- meanwhile, and whoever adds one afterwards finds the family here and charges it.
CREATE FUNCTION activate(self text, kinds text[], metrics text[], windows text[], starts bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    added family;
BEGIN
    PERFORM kept_families(true);
    DELETE FROM need WHERE incarnation = self;
    INSERT INTO need SELECT self, * FROM unnest(kinds, metrics, windows);
    DELETE FROM family f WHERE NOT EXISTS (
        SELECT FROM need n WHERE (n.scope_kind, n.metric, n."window") = (f.scope_kind, f.metric, f."window")
    );
    FOR added IN
        INSERT INTO family SELECT * FROM unnest(kinds, metrics, windows, starts) ON CONFLICT DO NOTHING RETURNING *
    LOOP
        UPDATE counter c SET committed = 0
        WHERE c.metric = added.metric AND c."window" = added."window" AND c.start_s = added.start_s
        AND split_part(c.scope, '/', 1) = added.scope_kind AND c.committed <> 0;
        PERFORM sum_up(added.scope_kind, added.metric, added."window", added.start_s);
    END LOOP;
    UPDATE family f SET start_s = n.start_s
    FROM unnest(kinds, metrics, windows, starts) AS n(scope_kind, metric, "window", start_s)
    WHERE (n.scope_kind, n.metric, n."window") = (f.scope_kind, f.metric, f."window") AND f.start_s < n.start_s;
END $$;

-- Return up to which number no row will come any more: whoever has taken one holds the lock to its end.
CREATE FUNCTION last_number() RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM kept_families(true);
    RETURN coalesce((SELECT max(number) FROM attempt), 0);
END $$;

-- Take rows into the sums, some at a time, up to a number; return whether there are more.
CREATE FUNCTION roll(up_to bigint, most integer) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    done bigint := (SELECT m.rolled FROM mark m FOR UPDATE);
    until_ bigint := (
        SELECT max(number) FROM (
            SELECT number FROM attempt WHERE number > done AND number <= up_to ORDER BY number LIMIT most
        ) AS next_ones
    );
BEGIN
    IF until_ IS NULL THEN
        RETURN false;
    END IF;
    INSERT INTO rolled AS h (
        start_s, length_s, latency_bucket, attempt_count, call_count, error_count, input_token_count,
        cached_input_token_count, cache_write_input_token_count, output_token_count, reasoning_token_count,
        cost_usd_nanos, unpriced_count, request_count, answer_count, key, team, teams, route, provider, model
    )
    SELECT
        started_ns / 1000000000 / length_s * length_s, length_s, latency_bucket,
        count(*) FILTER (WHERE source <> 'adjustment'),
        count(*) FILTER (WHERE source <> 'adjustment' AND kind NOT IN ('retry', 'fallback', 'hedge')),
        count(*) FILTER (WHERE outcome NOT IN ('', 'ok')),
        sum(input_token_count), sum(cached_input_token_count), sum(cache_write_input_token_count),
        sum(output_token_count), sum(reasoning_token_count), coalesce(sum(cost_usd_nanos), 0),
        count(*) FILTER (WHERE source <> 'adjustment' AND cost_usd_nanos IS NULL), sum(request_count),
        count(latency_bucket), key, team, teams, route, provider, model
    FROM attempt, (VALUES (3600), (86400)) AS lengths(length_s)
    WHERE number > done AND number <= until_
    GROUP BY 1, 2, 3, key, team, teams, route, provider, model
    ON CONFLICT (length_s, start_s, key, team, teams, route, provider, model, latency_bucket) DO UPDATE SET
        attempt_count = h.attempt_count + excluded.attempt_count,
        call_count = h.call_count + excluded.call_count,
        error_count = h.error_count + excluded.error_count,
        input_token_count = h.input_token_count + excluded.input_token_count,
        cached_input_token_count = h.cached_input_token_count + excluded.cached_input_token_count,
        cache_write_input_token_count = h.cache_write_input_token_count + excluded.cache_write_input_token_count,
        output_token_count = h.output_token_count + excluded.output_token_count,
        reasoning_token_count = h.reasoning_token_count + excluded.reasoning_token_count,
        cost_usd_nanos = h.cost_usd_nanos + excluded.cost_usd_nanos,
        unpriced_count = h.unpriced_count + excluded.unpriced_count,
        request_count = h.request_count + excluded.request_count,
        answer_count = h.answer_count + excluded.answer_count;
    UPDATE mark SET rolled = until_;
    RETURN true;
END $$;

-- Delete some rows of before the hour of a time, those that the sums have taken in; return how many.
CREATE FUNCTION prune(time_ns bigint, most integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    hour_ns bigint := time_ns / 3600000000000 * 3600000000000;
    count integer;
BEGIN
    UPDATE mark SET pruned_ns = hour_ns WHERE pruned_ns < hour_ns;
    DELETE FROM attempt WHERE attempt_id IN (
        SELECT attempt_id FROM attempt, mark WHERE started_ns < mark.pruned_ns AND number <= mark.rolled
        ORDER BY started_ns LIMIT most
    );
    GET DIAGNOSTICS count = ROW_COUNT;
    RETURN count;
END $$;
