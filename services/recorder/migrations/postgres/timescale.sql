-- Carried out at every start, because the extension may come later than the tables. Without Timescale it does nothing.
-- Only the time series become hypertables: an event is recognised by its id alone, and a unique index of a hypertable must
-- hold the time too. Nothing is dropped by itself.
CREATE OR REPLACE FUNCTION fin_now_ns() RETURNS BIGINT
    LANGUAGE sql STABLE AS 'SELECT (extract(epoch FROM now()) * 1000000000)::bigint';
DO $$
DECLARE
    series RECORD;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
        IF NOT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb') THEN
            RETURN;
        END IF;
        BEGIN
            CREATE EXTENSION timescaledb;
        EXCEPTION WHEN OTHERS THEN
            RAISE NOTICE 'timescaledb is available and not enabled: %', SQLERRM;
            RETURN;
        END;
    END IF;
    FOR series IN
        SELECT * FROM (VALUES ('bars', 'start', 'symbol'), ('account_curve', 'minute', 'account')) AS s (name, time, of)
    LOOP
        CONTINUE WHEN EXISTS (SELECT FROM timescaledb_information.hypertables h WHERE h.hypertable_name = series.name);
        -- A chunk is a week; compressed after two.
        PERFORM create_hypertable(series.name::regclass, series.time::name,
                                  chunk_time_interval => 604800000000000, migrate_data => true);
        PERFORM set_integer_now_func(series.name::regclass, 'fin_now_ns');
        BEGIN
            EXECUTE format('ALTER TABLE %I SET (timescaledb.compress, timescaledb.compress_segmentby = %L,
                            timescaledb.compress_orderby = %L)', series.name, series.of, series.time);
            PERFORM add_compression_policy(series.name::regclass, 1209600000000000);
        EXCEPTION WHEN OTHERS THEN
            RAISE NOTICE '% is not compressed: %', series.name, SQLERRM;
        END;
    END LOOP;
END
$$;
