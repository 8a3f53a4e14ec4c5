//! The dashboard: files built into this program.

use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use crate::guard;

const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/dashboard.rs"));

const NOT_BUILT: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>fin-agent</title>\
    <h1>The dashboard is not built</h1>\
    <p>This program was compiled without it. Run <code>make dashboard</code> and build again; <code>make run</code> \
    does both. The API is at <a href=/api/v1/status>/api/v1/status</a>.</p></html>";

/// Serves a file of the page, the page itself for any other path that a person may open, or a problem.
pub async fn serve(method: Method, uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    if method != Method::GET && method != Method::HEAD {
        return guard::unknown(StatusCode::METHOD_NOT_ALLOWED, uri.path());
    }
    if let Some((name, bytes)) = FILES.iter().find(|(name, _)| *name == path) {
        return file(name, bytes);
    }
    let is_page = !path.starts_with("api/") && !path.starts_with("assets/") && !path.contains('.');
    match FILES.iter().find(|(name, _)| *name == "index.html") {
        Some((name, bytes)) if is_page => file(name, bytes),
        None if path.is_empty() => file("index.html", NOT_BUILT.as_bytes()),
        _ => guard::unknown(StatusCode::NOT_FOUND, uri.path()),
    }
}

fn file(name: &str, bytes: &'static [u8]) -> Response {
    let cache = if name.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type(name))),
        (header::CACHE_CONTROL, HeaderValue::from_static(cache)),
    ];
    (headers, bytes).into_response()
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
