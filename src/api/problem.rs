//! [`Problem`]: what went wrong, as an RFC 9457 problem document.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use interdict_protocols::Unsayable;
use serde_json::{Map, Value, json};
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::request_id;
use super::tokens::TokenError;
use crate::devices::EnrolError;
use crate::downlink::NotAsked;
use crate::shards::Refused;
use crate::store::StoreError;

/// Seconds after which it is worth trying again where the store cannot write.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("2");

/// What went wrong: for programs by `type`, for people by `detail`, which says what to do.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    /// The last part of `type`.
    code: &'static str,
    detail: String,
    more: Map<String, Value>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), more: Map::new() }
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", detail)
    }

    /// What it says for people.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    pub(crate) fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    #[cfg(test)]
    pub(super) const fn code(&self) -> &'static str {
        self.code
    }

    /// A member of its own, beside those of the standard.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut document = json!({
            "type": format!("urn:interdict:problem:{}", self.code),
            "title": self.status.canonical_reason().unwrap_or_default(),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if let Some(document) = document.as_object_mut() {
            document.extend(self.more);
            let request = request_id::current();
            document.extend(request.map(|id| ("request_id".to_owned(), id.into())));
        }
        let wait_s = document.get("retry_after_s").and_then(Value::as_u64);
        let kind = HeaderValue::from_static("application/problem+json");
        let mut response =
            (self.status, [(header::CONTENT_TYPE, kind)], document.to_string()).into_response();
        match self.status {
            StatusCode::UNAUTHORIZED => {
                let scheme = HeaderValue::from_static("Bearer");
                response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
            }
            StatusCode::TOO_MANY_REQUESTS => {
                if let Some(wait_s) = wait_s {
                    response.headers_mut().insert(header::RETRY_AFTER, wait_s.into());
                }
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
            }
            _ => {}
        }
        response
    }
}

impl PartialSchema for Problem {
    fn schema() -> RefOr<Schema> {
        let text = |what| ObjectBuilder::new().schema_type(Type::String).description(Some(what));
        let status = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(400))
            .maximum(Some(599))
            .description(Some("The answer's status."));
        let kind = text("What it is, for programs.")
            .pattern(Some("^urn:interdict:problem:[a-z-]+$"))
            .examples(["urn:interdict:problem:not-found"]);
        ObjectBuilder::new()
            .property("type", kind)
            .property("title", text("The status in words."))
            .property("status", status)
            .property("detail", text("For people: what is wrong, and what to do."))
            .property("request_id", text("The request, as `X-Request-Id` and the log name it."))
            .required("type")
            .required("title")
            .required("status")
            .required("detail")
            .additional_properties(Some(AdditionalProperties::FreeForm(true)))
            .description(Some(
                "What went wrong (RFC 9457). Members beside the standard's belong to the type.",
            ))
            .into()
    }
}

impl ToSchema for Problem {}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Purged { oldest } => {
                Self::new(StatusCode::GONE, "purged", error.to_string()).with("oldest", oldest)
            }
            StoreError::Ahead { latest } => {
                Self::bad_request(error.to_string()).with("latest", latest)
            }
            StoreError::Full(_) => {
                let detail = "the disk of the data folder is full; the server's operator must free \
                              some space";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "store", detail)
            }
            _ => {
                // What failed on the disk is the operator's to read, not the client's. That it is
                // being opened again was said when it failed.
                if error != StoreError::Closed {
                    tracing::error!(%error, "a request failed");
                }
                let detail = "the store does not work at present; the server's log says why";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "store", detail)
            }
        }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "not-accepted", refused.to_string())
    }
}

impl From<NotAsked> for Problem {
    fn from(not_asked: NotAsked) -> Self {
        let detail = not_asked.to_string();
        match not_asked {
            NotAsked::Off => Self::conflict("off", detail),
            NotAsked::NotConnected => Self::conflict("not-connected", detail),
            NotAsked::Unsayable(Unsayable::Unsupported) => Self::conflict("unsupported", detail),
            NotAsked::Unsayable(_) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "unsayable", detail)
            }
            NotAsked::Busy => Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail),
        }
    }
}

impl From<EnrolError> for Problem {
    fn from(error: EnrolError) -> Self {
        match error {
            EnrolError::Invalid(detail) => Self::bad_request(detail),
            EnrolError::Taken { .. } => Self::conflict("taken", error.to_string()),
            EnrolError::Store(error) => error.into(),
        }
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        let detail = error.to_string();
        match error {
            TokenError::Taken(_) => Self::conflict("taken", detail),
            TokenError::OtherKind(..) => Self::conflict("other-kind", detail),
            TokenError::Apart { .. } => Self::conflict("apart", detail),
            TokenError::LastAdmin(_) => Self::conflict("last-admin", detail),
            TokenError::Missing(_) => Self::not_found(detail),
            TokenError::Store(error) => error.into(),
        }
    }
}
