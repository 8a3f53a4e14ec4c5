-- SQLite reads a field of a document by `doc ->> 'field'` where the document is text. So does Postgres with these.
CREATE FUNCTION fin_json_text(doc TEXT, field TEXT) RETURNS TEXT
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS 'SELECT doc::json ->> field';
CREATE OPERATOR ->> (LEFTARG = TEXT, RIGHTARG = TEXT, FUNCTION = fin_json_text);
CREATE FUNCTION fin_json_part(doc TEXT, field TEXT) RETURNS TEXT
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS 'SELECT (doc::json -> field)::text';
CREATE OPERATOR -> (LEFTARG = TEXT, RIGHTARG = TEXT, FUNCTION = fin_json_part);
