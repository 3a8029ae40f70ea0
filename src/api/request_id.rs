//! A name for each request: in its answer, in problem documents and in the log, so that who asks why
//! something failed and who looks for it speak of the same one.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;

/// The header: the caller's own name for the request, which is kept, or ours.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest of a caller's own, bytes.
const LONGEST: usize = 64;

tokio::task_local! {
    static CURRENT: String;
}

/// The name of the request that is being answered.
pub(super) fn current() -> Option<String> {
    CURRENT.try_with(Clone::clone).ok()
}

/// Names a request while it is answered. It is the outermost layer.
pub(super) async fn name(request: Request, next: Next) -> Response {
    let stated = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let id = stated.filter(|id| is_plain(id)).map_or_else(random, str::to_owned);
    let span = tracing::error_span!("request", id);
    let header = HeaderValue::from_str(&id);
    let mut response = CURRENT.scope(id, next.run(request).instrument(span)).await;
    if let Ok(header) = header {
        response.headers_mut().insert(REQUEST_ID, header);
    }
    response
}

/// Whether a caller's name for a request can stand in a log line as it is.
fn is_plain(id: &str) -> bool {
    let fits = (1..=LONGEST).contains(&id.len());
    fits && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
}

fn random() -> String {
    // Where the system has no random numbers the name is of no use, and the answer is.
    format!("{:016x}", getrandom::u64().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_s_name_is_kept_where_it_is_plain() {
        let long = "a".repeat(65);
        assert!(is_plain("3f9c") && is_plain("a-B_9.:x") && is_plain(&long[1..]));
        for bad in ["", "a b", "a\nb", "é", "\u{202e}x", &long] {
            assert!(!is_plain(bad), "{bad:?}");
        }
    }
}
