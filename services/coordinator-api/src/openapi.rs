//! The description of this API: `/api/openapi.json` (`OpenAPI` 3.1), and a page that shows it at `/api/docs`.

mod operations;
mod schemas;

use axum::Router;
use axum::http::header;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde_json::{Map, Value, json};
use utoipa::OpenApi as _;

use operations::{Answer, OPERATIONS, Operation, parameter};

/// Both, open to everybody: they tell nothing about a running suite.
pub(crate) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let document = document();
    Router::new()
        .route("/api/openapi.json", get(move || async { Json(document) }))
        .route("/api/docs", get(|| async { file("text/html; charset=utf-8", include_str!("openapi/docs.html")) }))
        .route(
            "/api/docs.js",
            get(|| async { file("text/javascript; charset=utf-8", include_str!("openapi/docs.js")) }),
        )
        .route("/api/docs.css", get(|| async { file("text/css; charset=utf-8", include_str!("openapi/docs.css")) }))
}

/// The whole document.
pub fn document() -> Value {
    let mut document = serde_json::to_value(schemas::Schemas::openapi()).unwrap_or_default();
    let mut paths = Map::new();
    for operation in OPERATIONS {
        let item = paths.entry(operation.path).or_insert_with(|| json!({}));
        item[operation.method] = described(operation);
    }
    document["paths"] = paths.into();
    let components = &mut document["components"];
    if let Some(schemas) = components["schemas"].as_object_mut() {
        let named = schemas.clone();
        schemas.values_mut().for_each(|schema| flatten(schema, &named));
        schemas.values_mut().for_each(whole);
    }
    components["securitySchemes"] = json!({ "bearer": {
        "type": "http", "scheme": "bearer",
        "description": "A token of `fin token create`. Scopes: read, operate (includes read), admin (includes both).",
    }});
    document
}

/// Puts the fields of all parts of `schema` into one list; parts by name are in `named`.
fn flatten(schema: &mut Value, named: &Map<String, Value>) {
    let Some(parts) = schema["allOf"].as_array() else { return };
    let whole = |part: &Value| {
        let name = part["$ref"].as_str().and_then(|path| path.rsplit('/').next());
        name.and_then(|name| named.get(name)).unwrap_or(part)["properties"].as_object().cloned()
    };
    let fields: Map<_, _> = parts.iter().filter_map(whole).flatten().collect();
    *schema = json!({ "type": "object", "description": schema["description"], "properties": fields });
}

/// Every answer has every field; `null` says that a value is not known.
fn whole(schema: &mut Value) {
    if schema["additionalProperties"] == Value::Bool(false) {
        // A body of a request, which may leave fields out as it says itself.
        return;
    }
    if let Some(fields) = schema["properties"].as_object() {
        schema["required"] = fields.keys().cloned().collect();
    }
}

fn described(operation: &Operation) -> Value {
    let mut described = json!({
        "operationId": operation.id, "tags": [operation.tag], "summary": operation.summary,
        "security": [],
        "parameters": operation.parameters.iter().map(|name| parameter(name)).collect::<Vec<_>>(),
        "responses": responses(operation),
    });
    if let Some(scope) = operation.scope {
        described["security"] = json!([{ "bearer": [scope.as_str()] }]);
    }
    if let Some(body) = operation.body {
        described["requestBody"] =
            json!({ "required": true, "content": { "application/json": { "schema": reference(body) } } });
    }
    described
}

fn responses(operation: &Operation) -> Value {
    let json_of = |schema: Value| json!({ "application/json": { "schema": schema } });
    let text = |kind: &str| json!({ kind: { "schema": { "type": "string" } } });
    let (status, content) = match operation.answer {
        Answer::List(item) => {
            let next =
                json!({ "type": ["string", "null"], "description": "`after` of the next page; null at the end" });
            let items = json!({ "type": "array", "items": reference(item) });
            let page = json!({ "type": "object", "required": ["items", "next"], "properties": { "items": items, "next": next } });
            ("200", json_of(page))
        }
        Answer::One(item) => ("200", json_of(reference(item))),
        Answer::Accepted(item) => ("202", json_of(reference(item))),
        Answer::Text(kind) => ("200", text(kind)),
    };
    let mut responses = json!({ status: { "description": operation.summary, "content": content } });
    if operation.cached {
        responses["304"] = json!({ "description": "Nothing changed since the answer with this ETag" });
    }
    problems(operation, responses)
}

fn problems(operation: &Operation, mut responses: Value) -> Value {
    for status in operation.problems() {
        let content = json!({ "application/problem+json": { "schema": reference("Problem") } });
        responses[status] = json!({ "description": "A problem document says why", "content": content });
    }
    responses
}

fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

fn file(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_leads_somewhere_and_every_operation_has_its_own_id() {
        let document = document();
        assert_eq!(document["openapi"], "3.1.0");
        let text = document.to_string();
        for part in text.split("\"#/components/schemas/").skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(document["components"]["schemas"][name].is_object(), "{name}");
        }
        let mut ids: Vec<_> = OPERATIONS.iter().map(|o| o.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), OPERATIONS.len());
    }

    #[test]
    fn every_command_needs_a_scope_and_takes_an_idempotency_key() {
        for operation in OPERATIONS.iter().filter(|o| o.method == "post") {
            assert!(operation.scope.is_some() && operation.body.is_some(), "{}", operation.id);
            assert!(operation.parameters.contains(&"Idempotency-Key"), "{}", operation.id);
        }
    }
}
