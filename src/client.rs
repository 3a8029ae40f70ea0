//! [`Client`]: how the commands talk to a server.

use std::io::{BufRead, BufReader, Read};
use std::time::Duration;

use serde_json::Value;
use ureq::http::{Request, Response};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, SendBody};

/// A server answers a request within this, or does not.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// A stream that says nothing for so long is lost: the server says something every 15 s.
const SILENCE_LIMIT: Duration = Duration::from_secs(40);
/// The largest answer that is read, bytes.
const ANSWER_BYTES: u64 = 64 * 1024 * 1024;

/// Why a server did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The caller: that is no server's address.
    #[error("`{0}` is not a server's address, such as http://127.0.0.1:8080")]
    Address(String),
    /// The caller: there are no certificates where those should be that vouch for the server.
    #[error("no certificate in PEM among those that vouch for the server: {0}")]
    Authorities(String),
    /// The caller: there is no token.
    #[error("no token: set the environment variable INTERDICT_TOKEN")]
    NoToken,
    /// The network, or the server is not there.
    #[error("cannot reach {server}: {reason}; is the server running, and is --server right?")]
    Unreachable {
        /// Where it was looked for.
        server: String,
        /// What the system said.
        reason: String,
    },
    /// The server, with its reason.
    #[error("{detail}")]
    Refused {
        /// The status of the answer.
        status: u16,
        /// What it says for people.
        detail: String,
        /// All that it says.
        problem: Value,
    },
    /// The other side is no server of ours.
    #[error("{server} does not answer as an Interdict server: {reason}")]
    Garbled {
        /// Who answered.
        server: String,
        /// What is strange.
        reason: String,
    },
}

/// A server, and the token to talk to it with.
pub struct Client {
    agent: Agent,
    server: String,
    token: String,
}

/// One thing that a stream says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Where to resume after it.
    pub id: Option<u64>,
    /// The CloudEvent.
    pub data: String,
}

/// A stream of events.
pub struct Stream {
    /// Where to resume as long as no event came.
    pub cursor: Option<u64>,
    lines: BufReader<ureq::BodyReader<'static>>,
    on_remark: fn(&str),
}

impl Stream {
    /// Has what the server remarks beside the events told: that it cannot store, that it can again.
    #[must_use]
    pub fn on_remark(self, tell: fn(&str)) -> Self {
        Self { on_remark: tell, ..self }
    }
}

impl Client {
    /// A client of the server at `server`, such as `http://127.0.0.1:8080`. A server that speaks
    /// HTTPS shows a certificate that the Mozilla Foundation's authorities vouch for.
    ///
    /// # Errors
    /// [`ClientError::Address`], [`ClientError::NoToken`].
    pub fn new(server: &str, token: Option<String>) -> Result<Self, ClientError> {
        Self::trusting(server, token, None)
    }

    /// As [`Client::new`], where the certificates in `authorities`, in PEM, vouch for the server in
    /// place of the public ones.
    ///
    /// # Errors
    /// [`ClientError::Address`], [`ClientError::NoToken`], [`ClientError::Authorities`].
    pub fn trusting(
        server: &str,
        token: Option<String>,
        authorities: Option<&[u8]>,
    ) -> Result<Self, ClientError> {
        let server = server.trim_end_matches('/').to_owned();
        let host = server.strip_prefix("http://").or_else(|| server.strip_prefix("https://"));
        if host.is_none_or(|host| host.is_empty() || host.contains(['/', ' ', '?', '#'])) {
            return Err(ClientError::Address(server));
        }
        let token = token.map(|token| token.trim().to_owned()).filter(|token| !token.is_empty());
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_connect(Some(CONNECT_LIMIT))
            .tls_config(TlsConfig::builder().root_certs(roots(authorities)?).build())
            .build();
        Ok(Self { agent: config.into(), server, token: token.ok_or(ClientError::NoToken)? })
    }

    /// Where the server is.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// `GET`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn get(&self, path: &str) -> Result<Value, ClientError> {
        self.call("GET", path, None)
    }

    /// `GET` of the list `name` at an address, page after page to its end.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn list(&self, path: &str, name: &str) -> Result<Vec<Value>, ClientError> {
        let begins = if path.contains('?') { '&' } else { '?' };
        let (mut all, mut page) = (Vec::new(), self.get(path)?);
        loop {
            if let Some(Value::Array(entries)) = page.get_mut(name).map(Value::take) {
                all.extend(entries);
            }
            let after = match page.get("next") {
                Some(Value::String(next)) => segment(next),
                Some(Value::Number(next)) => next.to_string(),
                _ => return Ok(all),
            };
            page = self.get(&format!("{path}{begins}after={after}"))?;
        }
    }

    /// `GET` of what is read to the letter.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn get_text(&self, path: &str) -> Result<String, ClientError> {
        let mut response = self.answer("GET", path, None)?;
        let body = response.body_mut().with_config().limit(ANSWER_BYTES);
        body.read_to_string().map_err(|error| self.failed(error))
    }

    /// `POST` of JSON.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn post(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        self.call("POST", path, Some(("application/json", body.to_string())))
    }

    /// `POST` of CSV.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn post_csv(&self, path: &str, body: String) -> Result<Value, ClientError> {
        self.call("POST", path, Some(("text/csv; charset=utf-8", body)))
    }

    /// `PUT` of JSON.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn put(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        self.call("PUT", path, Some(("application/json", body.to_string())))
    }

    /// `PATCH` of JSON.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn patch(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        self.call("PATCH", path, Some(("application/json", body.to_string())))
    }

    /// `DELETE`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn delete(&self, path: &str) -> Result<Value, ClientError> {
        self.call("DELETE", path, None)
    }

    /// Opens a stream of events; `last` is the id of the last one seen.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn stream(&self, path: &str, last: Option<u64>) -> Result<Stream, ClientError> {
        let mut request = self.request("GET", path).header("accept", "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last.to_string());
        }
        let request = request.body(SendBody::none()).map_err(|error| self.garbled(error))?;
        let request = self.agent.configure_request(request);
        let request = request.timeout_per_read(Some(SILENCE_LIMIT)).build();
        let mut response = self.agent.run(request).map_err(|error| self.failed(error))?;
        if !response.status().is_success() {
            return Err(self.refused(&mut response));
        }
        let cursor = response.headers().get("interdict-cursor");
        let cursor = cursor.and_then(|cursor| cursor.to_str().ok()?.parse().ok());
        let lines = BufReader::new(response.into_body().into_reader());
        Ok(Stream { cursor, lines, on_remark: |_| {} })
    }

    /// `GET` of what may be of any length; read it to its end.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn download(&self, path: &str) -> Result<impl Read + use<>, ClientError> {
        let request = self.request("GET", path);
        let request = request.body(SendBody::none()).map_err(|error| self.garbled(error))?;
        let request = self.agent.configure_request(request);
        let request = request.timeout_per_read(Some(SILENCE_LIMIT)).build();
        let mut response = self.agent.run(request).map_err(|error| self.failed(error))?;
        if !response.status().is_success() {
            return Err(self.refused(&mut response));
        }
        Ok(response.into_body().into_reader())
    }

    fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<(&str, String)>,
    ) -> Result<Value, ClientError> {
        let mut response = self.answer(method, path, body)?;
        let body = response.body_mut().with_config().limit(ANSWER_BYTES);
        body.read_json().map_err(|error| self.failed(error))
    }

    /// What a server answers that does as it is asked.
    fn answer(
        &self,
        method: &str,
        path: &str,
        body: Option<(&str, String)>,
    ) -> Result<Response<Body>, ClientError> {
        let mut request = self.request(method, path);
        let body = match body {
            Some((kind, text)) => {
                request = request.header("content-type", kind);
                SendBody::from_owned_reader(std::io::Cursor::new(text))
            }
            None => SendBody::none(),
        };
        let request = request.body(body).map_err(|error| self.garbled(error))?;
        let request = self.agent.configure_request(request);
        let request = request.timeout_global(Some(ANSWER_LIMIT)).build();
        let mut response = self.agent.run(request).map_err(|error| self.failed(error))?;
        if !response.status().is_success() {
            return Err(self.refused(&mut response));
        }
        Ok(response)
    }

    fn request(&self, method: &str, path: &str) -> ureq::http::request::Builder {
        Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.server))
            .header("authorization", format!("Bearer {}", self.token))
    }

    fn refused(&self, response: &mut Response<Body>) -> ClientError {
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(ANSWER_BYTES);
        let problem: Value = body.read_json().unwrap_or_default();
        match problem.get("detail").and_then(Value::as_str) {
            Some(detail) => ClientError::Refused { status, detail: detail.to_owned(), problem },
            None => self.garbled(format!("status {status} without a problem document")),
        }
    }

    fn failed(&self, error: ureq::Error) -> ClientError {
        let reason = match error {
            ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                "connection refused".to_owned()
            }
            ureq::Error::Io(_)
            | ureq::Error::Timeout(_)
            | ureq::Error::HostNotFound
            | ureq::Error::ConnectionFailed => error.to_string(),
            other => return self.garbled(other),
        };
        ClientError::Unreachable { server: self.server.clone(), reason }
    }

    fn garbled(&self, reason: impl std::fmt::Display) -> ClientError {
        ClientError::Garbled { server: self.server.clone(), reason: reason.to_string() }
    }
}

impl Iterator for Stream {
    type Item = std::io::Result<Message>;

    /// The next message; `None` where the server has ended the stream.
    fn next(&mut self) -> Option<Self::Item> {
        let mut message = Message::default();
        let mut line = String::new();
        loop {
            line.clear();
            match self.lines.read_line(&mut line) {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) => return Some(Err(error)),
            }
            let text = line.trim_end_matches(['\r', '\n']);
            if text.is_empty() {
                if !message.data.is_empty() {
                    return Some(Ok(message));
                }
                message = Message::default();
            } else if let Some(remark) = text.strip_prefix(':') {
                // The server's heartbeat is an empty one.
                if !remark.trim().is_empty() {
                    (self.on_remark)(remark.trim());
                }
            } else if let Some((field, value)) = text.split_once(':') {
                let value = value.strip_prefix(' ').unwrap_or(value);
                match field {
                    "id" => message.id = value.parse().ok(),
                    "data" => message.data.push_str(value),
                    _ => {}
                }
            }
        }
    }
}

fn roots(authorities: Option<&[u8]>) -> Result<RootCerts, ClientError> {
    let Some(pem) = authorities else { return Ok(RootCerts::WebPki) };
    let mut found = Vec::new();
    for item in parse_pem(pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) => found.push(certificate),
            Ok(_) => {}
            Err(error) => return Err(ClientError::Authorities(error.to_string())),
        }
    }
    if found.is_empty() {
        return Err(ClientError::Authorities("there is none".to_owned()));
    }
    Ok(RootCerts::new_with_certs(&found))
}

/// `text` as one segment of a path, or as a value of a query (RFC 3986, 2.1).
#[must_use]
pub fn segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_checked_before_anything_is_sent() {
        let token = || Some("t".to_owned());
        assert!(Client::new("http://127.0.0.1:8080/", token()).is_ok());
        assert!(Client::new("https://interdict.example", token()).is_ok());
        for bad in ["127.0.0.1:8080", "ftp://host", "https://", "http://", "http://host/path", ""] {
            assert!(matches!(Client::new(bad, token()), Err(ClientError::Address(_))), "{bad}");
        }
        let missing = Client::new("http://127.0.0.1:8080", Some(" ".to_owned()));
        assert!(matches!(missing, Err(ClientError::NoToken)));
    }

    #[test]
    fn a_segment_may_be_anything() {
        assert_eq!(segment("辽B·1/2"), "%E8%BE%BDB%C2%B71%2F2");
        assert_eq!(segment("a-b_c.~9"), "a-b_c.~9");
    }
}
