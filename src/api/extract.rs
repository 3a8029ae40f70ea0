//! What requests hold, read so that every error is a problem document.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, JsonRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use interdict_protocols::Time;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::problem::Problem;

/// The longest text, bytes: what an officer can read on the road.
const LONGEST_TEXT: usize = 1_000;

/// A JSON body: an object.
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let Whole(raw) = Whole::<Box<RawValue>>::from_request(request, state).await?;
        object(raw.get().as_bytes()).map(Self)
    }
}

/// Reads a JSON object.
pub(super) fn object<T: DeserializeOwned>(text: &[u8]) -> Result<T, Problem> {
    // Fields would else be read from a list, too, by their order.
    if !text.trim_ascii_start().starts_with(b"{") {
        return Err(Problem::bad_request("the body must be a JSON object: `{…}`"));
    }
    Json::from_bytes(text).map(|Json(body)| body).map_err(not_json)
}

/// Reads an object inside one, for `deserialize_with`: never a list of its fields.
pub(super) fn inner<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<T, D::Error> {
    let object = Map::deserialize(deserializer)?;
    T::deserialize(Value::Object(object)).map_err(D::Error::custom)
}

/// A JSON body of any kind.
pub(super) struct Whole<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Whole<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        Json::from_request(request, state).await.map(|Json(body)| Self(body)).map_err(not_json)
    }
}

fn not_json(rejection: JsonRejection) -> Problem {
    match rejection {
        JsonRejection::MissingJsonContentType(_) => Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "media-type",
            "the body must be JSON, with `Content-Type: application/json`",
        ),
        rejection => rejected(rejection.status(), &rejection.body_text()),
    }
}

/// A body of text.
pub(super) struct Text(pub(super) String);

impl<S: Send + Sync> FromRequest<S> for Text {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes =
            Bytes::from_request(request, state).await.map_err(|rejection: BytesRejection| {
                rejected(rejection.status(), &rejection.body_text())
            })?;
        let text = String::from_utf8(bytes.into());
        let detail = "the body is not UTF-8 text; save the file as UTF-8";
        text.map(Self).map_err(|_| Problem::bad_request(detail))
    }
}

/// The query: its pairs, in order.
pub(super) struct Pairs(pub(super) Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Pairs {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::from_request_parts(parts, state).await;
        let Query(pairs) =
            query.map_err(|rejection| rejected(rejection.status(), &rejection.body_text()))?;
        Ok(Self(pairs))
    }
}

impl Pairs {
    /// Refuses names that mean nothing here: a misspelt filter would otherwise filter nothing.
    pub(super) fn only(self, known: &[&str]) -> Result<Self, Problem> {
        match self.0.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            Some((name, _)) => {
                let known = known.join("`, `");
                Err(Problem::bad_request(format!(
                    "unknown parameter `{name}`; known are `{known}`"
                )))
            }
            None => Ok(self),
        }
    }

    /// The last value of that name, if it is not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().rev().find(|(other, _)| other == name);
        found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// All values of that name; commas part them too.
    pub(super) fn all(&self, name: &str) -> Vec<String> {
        let values = self.0.iter().filter(|(other, _)| other == name);
        values
            .flat_map(|(_, value)| value.split(','))
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
            .collect()
    }

    /// The value of that name as an instant.
    pub(super) fn time(&self, name: &str) -> Result<Option<Time>, Problem> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let detail = format!("`{name}` is no time such as 2026-06-15T02:01:15Z");
        Time::parse(text).map(Some).ok_or_else(|| Problem::bad_request(detail))
    }

    /// Whether that name is `true`; where it is not there, it is not.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.get(name) {
            Some("true") => Ok(true),
            Some("false") | None => Ok(false),
            Some(text) => {
                let detail = format!("`{name}` is `true` or `false`, not `{text}`");
                Err(Problem::bad_request(detail))
            }
        }
    }

    /// The value of that name as a number.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Problem> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let detail = || Problem::bad_request(format!("`{name}` is not a whole number: `{text}`"));
        text.parse().map(Some).map_err(|_| detail())
    }
}

/// One segment of the path.
pub(super) struct Segment(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::from_request_parts(parts, state).await;
        let Path(text) =
            path.map_err(|rejection| rejected(rejection.status(), &rejection.body_text()))?;
        Ok(Self(text))
    }
}

/// A text that somebody stated, without blanks at its ends.
pub(super) fn text(name: &str, given: &str) -> Result<String, Problem> {
    let given = given.trim();
    let strange = |letter: char| letter.is_control() && letter != '\n';
    if given.is_empty() || given.len() > LONGEST_TEXT || given.chars().any(strange) {
        let detail =
            format!("`{name}` must have 1 to {LONGEST_TEXT} bytes and no control characters");
        return Err(Problem::bad_request(detail));
    }
    Ok(given.to_owned())
}

fn rejected(status: StatusCode, detail: &str) -> Problem {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(status, "too-large", "the body is larger than is taken here")
        }
        // What cannot be read and what does not fit are one to a client.
        StatusCode::UNPROCESSABLE_ENTITY => Problem::bad_request(detail),
        status if status.is_client_error() => Problem::new(status, "invalid", detail),
        _ => Problem::new(StatusCode::BAD_REQUEST, "invalid", detail),
    }
}

/// Whether whoever asks takes gzip (RFC 9110, 12.5.3; weights other than 0 are alike to us).
pub(super) fn takes_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter();
    let mut codings = values.filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(','));
    codings.any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().trim_start_matches("q=").trim_end_matches(['0', '.']);
        name.trim().eq_ignore_ascii_case("gzip") && (!weight.is_empty() || !coding.contains(';'))
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn gzip_goes_to_those_who_take_it() {
        let takes = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(value));
            takes_gzip(&headers)
        };
        assert!(takes("gzip") && takes("br, GZIP;q=0.5") && takes("deflate,gzip;q=1.0"));
        assert!(!takes("") && !takes("br") && !takes("gzip;q=0") && !takes("gzip; q=0.000"));
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
