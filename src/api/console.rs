//! `/`: the operators' console, as it was built into the program.

use std::io::Read as _;

use axum::Router;
use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::ApiState;
use super::extract::takes_gzip;
use crate::config::Web;

/// A file of the console.
struct File {
    /// Its path in the address.
    path: &'static str,
    gzip: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/console.rs"));

/// What the browser may do for the console. A wake lock keeps the screen on through a quiet night.
const PERMISSIONS: &str = "screen-wake-lock=(self), autoplay=(self), camera=(), geolocation=(), \
                           microphone=(), payment=(), usb=()";

/// The routes of the console's files, each with its headers.
pub(super) fn routes(web: &Web) -> Router<ApiState> {
    let headers = headers(web);
    let mut routes = Router::new();
    match CONSOLE {
        Ok(files) => {
            for file in files {
                let headers = headers.clone();
                let answer = move |asked: HeaderMap| async move { file.answer(&asked, headers) };
                let path = if file.path == "/index.html" { "/" } else { file.path };
                routes = routes.route(path, get(answer));
            }
        }
        Err(why) => {
            let kind = HeaderValue::from_static("text/html; charset=utf-8");
            let answer =
                move || async move { ([(header::CONTENT_TYPE, kind)], headers, missing(why)) };
            routes = routes.route("/", get(answer));
        }
    }
    routes
}

impl File {
    fn answer(&self, asked: &HeaderMap, mut headers: HeaderMap) -> Response {
        let mut set = |name, value| _ = headers.insert(name, HeaderValue::from_static(value));
        set(header::CONTENT_TYPE, content_type(self.path));
        set(header::VARY, "accept-encoding");
        // The names of assets change with what is in them.
        let lasting = "public, max-age=31536000, immutable";
        let is_asset = self.path.starts_with("/assets/");
        set(header::CACHE_CONTROL, if is_asset { lasting } else { "no-cache" });
        if takes_gzip(asked) {
            set(header::CONTENT_ENCODING, "gzip");
            return (headers, self.gzip).into_response();
        }
        let mut plain = Vec::new();
        // The build packed it.
        let _ = flate2::read::GzDecoder::new(self.gzip).read_to_end(&mut plain);
        (headers, plain).into_response()
    }
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" | "geojson" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// No script but the console's own files, no request but to this server and the configured tiles.
fn headers(web: &Web) -> HeaderMap {
    let tiles = web.tiles_origin().map(|origin| format!(" {origin}")).unwrap_or_default();
    let policy = format!(
        "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; \
         img-src 'self' data: blob:{tiles}; connect-src 'self'{tiles}; manifest-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), PERMISSIONS),
    ];
    let fixed = fixed.map(|(name, value)| (name, HeaderValue::from_static(value)));
    let policy = HeaderValue::try_from(policy).ok();
    let policy = policy.map(|policy| (header::CONTENT_SECURITY_POLICY, policy));
    fixed.into_iter().chain(policy).collect()
}

/// What `/` says where the program was built without the console.
fn missing(why: &str) -> String {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;");
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Interdict</title>\n\
         <h1>The console is not in this program</h1>\n\
         <p>It was left out when the program was built:</p><pre>{}</pre>\n\
         <p>Install Node.js 20.19 or later with npm, then build again: \
         <code>touch build.rs &amp;&amp; cargo build --release</code>. Where the compiler has no npm, \
         build the console elsewhere (<code>npm ci &amp;&amp; npm run build</code> in \
         <code>console/</code>) and name its folder: \
         <code>INTERDICT_CONSOLE=/path/to/console/dist</code>.</p>\n\
         <p>Everything else works: <code>interdict alert list</code>, \
         <code>interdict subscribe</code>, and <code>/v1</code>.</p>\n",
        escape(why)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_may_ask_the_server_and_the_tiles_alone() {
        let policy =
            |web: &Web| headers(web)["content-security-policy"].to_str().unwrap().to_owned();
        let own = policy(&Web::default());
        assert!(own.starts_with("default-src 'none'; script-src 'self';"), "{own}");
        assert!(!own.contains("unsafe") && !own.contains("http"), "{own}");
        let tiles = Some("https://t.example:8443/{z}/{x}/{y}.png".to_owned());
        let with = policy(&Web { tiles, ..Web::default() });
        assert!(with.contains("connect-src 'self' https://t.example:8443;"), "{with}");
        assert!(with.contains("script-src 'self';"), "{with}");
    }

    #[test]
    fn what_failed_is_no_markup() {
        let page = missing("npm failed\n<script>alert(1)</script> & more");
        assert!(page.contains("&lt;script>alert(1)") && !page.contains("<script"));
    }
}
