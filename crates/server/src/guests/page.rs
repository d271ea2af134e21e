//! The guest's page, `/join/…`: static files that `ui` builds and this program carries, so that it alone is enough.
//!
//! The page is the same for every link and asks the routes beside it what the link leads to. A release build holds the files; a debug build
//! reads them from `ui/dist-guest` as they are. A build without them still runs, and says so.

use crate::app::App;
use axum::{
    Router,
    body::Body,
    extract::Path,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use rust_embed::{Embed, EmbeddedFile};

/// The page among the files.
const PAGE: &str = "guest.html";

/// What a build without the files answers.
const NO_PAGE: &str = "This server was built without the page for guests. Build it first (npm --prefix ui run build), then the server.\n";

/// Files named by their content never change.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

#[derive(Embed)]
#[folder = "../../ui/dist-guest"]
#[allow_missing = true]
struct Files;

/// Not under the API's prefix.
pub(crate) fn pages() -> Router<App> {
    Router::new().route("/join/{token}", get(page)).route("/join/assets/{file}", get(asset))
}

/// The page itself. Whether the token is any good it finds out itself.
async fn page(headers: HeaderMap) -> Response {
    let Some(file) = Files::get(PAGE) else {
        return (StatusCode::NOT_FOUND, [(header::CACHE_CONTROL, "no-store")], NO_PAGE).into_response();
    };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let mut response = send(file, "no-store");
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, policy(host)),
        (
            HeaderName::from_static("permissions-policy"),
            // What a call needs, for this page and for no frame in it; the rest of what could watch or locate somebody is off.
            "camera=(self), microphone=(self), speaker-selection=(self), autoplay=(self), fullscreen=(self), display-capture=(), geolocation=()"
                .to_owned(),
        ),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin".to_owned()),
        // The address holds the token.
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
        (HeaderName::from_static("x-robots-tag"), "noindex".to_owned()),
    ] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    response
}

/// A file beside the page. Vite lays them flat; a name that leads elsewhere is none.
async fn asset(Path(file): Path<String>) -> Response {
    let flat = !file.contains(['/', '\\']) && !file.starts_with('.');
    match Files::get(&format!("assets/{file}")).filter(|_| flat) {
        Some(file) => send(file, FOR_EVER),
        None => {
            (StatusCode::NOT_FOUND, [(header::CACHE_CONTROL, "no-store")], "no such file\n").into_response()
        }
    }
}

fn send(file: EmbeddedFile, cache: &'static str) -> Response {
    let mut response = Response::new(Body::from(file.data.into_owned()));
    let headers = response.headers_mut();
    let kind = HeaderValue::from_str(file.metadata.mimetype());
    headers
        .insert(header::CONTENT_TYPE, kind.unwrap_or(HeaderValue::from_static("application/octet-stream")));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Everything from here and nothing from elsewhere, no script in the page, no frame around it (CSP level 3). Browsers differ in whether
/// `'self'` includes the socket's scheme, so it is named, if the host that was asked for is one that can be.
fn policy(host: Option<&str>) -> String {
    let plain = |host: &&str| host.chars().all(|c| c.is_ascii_alphanumeric() || ".-:[]".contains(c));
    let socket = host.filter(plain).map(|host| format!(" wss://{host}")).unwrap_or_default();
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; media-src 'self' blob:; \
         worker-src 'self'; connect-src 'self'{socket}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_is_none_cannot_widen_the_policy() {
        assert!(policy(Some("home:7664")).contains("connect-src 'self' wss://home:7664;"));
        for bad in ["a; script-src *", "a b", "*", "a,b"] {
            assert_eq!(policy(Some(bad)), policy(None), "{bad}");
        }
    }
}
