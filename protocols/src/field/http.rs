//! HTTP/1.1 requests and the forms in them.

use std::borrow::Cow;

use crate::field::search;
use crate::{Reason, Reject};

/// One request, as the framer found it.
pub struct Request<'a> {
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// The target before its `?`.
    pub path: &'a str,
    /// The target behind its `?`.
    pub query: &'a str,
    /// Where `query` stands in the frame.
    pub query_offset: usize,
    /// What follows the head.
    pub body: &'a [u8],
    /// Where `body` stands in the frame.
    pub body_offset: usize,
    headers: &'a str,
}

impl<'a> Request<'a> {
    /// Takes a whole request apart.
    ///
    /// # Errors
    /// [`Reason::Malformed`] where the first line is no request's, or the head no text.
    pub fn parse(frame: &'a [u8]) -> Result<Self, Reject> {
        let malformed = Reject::at(0, Reason::Malformed);
        let head_length = search::find(frame, b"\r\n\r\n").ok_or(malformed)?;
        let (head, rest) = frame.split_at_checked(head_length).ok_or(malformed)?;
        let head = std::str::from_utf8(head).map_err(|_| malformed)?;
        let (line, headers) = head.split_once("\r\n").unwrap_or((head, ""));
        let mut words = line.split(' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(malformed);
        };
        if !version.starts_with("HTTP/1.") || !method.bytes().all(|byte| byte.is_ascii_uppercase())
        {
            return Err(malformed);
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let before_query = method.len().saturating_add(path.len()).saturating_add(2);
        Ok(Self {
            method,
            path,
            query,
            query_offset: before_query.min(head_length),
            body: rest.get(4..).unwrap_or_default(),
            body_offset: head_length.saturating_add(4),
            headers,
        })
    }

    /// The value of the first header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.split("\r\n").find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// An answer without a body, after which the connection may go on.
#[must_use]
pub fn response(status: &str) -> Vec<u8> {
    let mut answer = Vec::with_capacity(96);
    for part in ["HTTP/1.1 ", status, "\r\nContent-Length: 0\r\n\r\n"] {
        answer.extend_from_slice(part.as_bytes());
    }
    answer
}

/// The names and values of `name=value&…` (application/x-www-form-urlencoded), each with the
/// offset of its name. Bytes that are no UTF-8 are replaced.
pub fn form(text: &str) -> impl Iterator<Item = (usize, Cow<'_, str>, Cow<'_, str>)> {
    let mut offset = 0_usize;
    text.split('&').filter_map(move |pair| {
        let at = offset;
        offset = offset.saturating_add(pair.len()).saturating_add(1);
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (!name.is_empty()).then(|| (at, unescape(name), unescape(value)))
    })
}

/// `+` is a space, `%41` an `A`; a `%` that begins no such escape is itself.
fn unescape(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| matches!(byte, b'+' | b'%')) {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let escaped = match (first, after) {
            (b'%', [high, low, after @ ..]) => digit(*high)
                .zip(digit(*low))
                .map(|(high, low)| (high.wrapping_mul(16) | low, after)),
            _ => None,
        };
        match (escaped, first) {
            (Some((byte, after)), _) => {
                bytes.push(byte);
                rest = after;
            }
            (None, b'+') => bytes.push(b' '),
            (None, byte) => bytes.push(*byte),
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_taken_apart() {
        let request = Request::parse(b"POST /p?a=1 HTTP/1.1\r\nX-Y:  z \r\n\r\nbody").unwrap();
        assert_eq!((request.method, request.path, request.query), ("POST", "/p", "a=1"));
        assert_eq!((request.query_offset, request.body_offset), (8, 34));
        assert_eq!(request.body, b"body");
        assert_eq!(request.header("x-y"), Some("z"));
        assert_eq!(request.header("z"), None);
        assert_eq!(Request::parse(b"GET / HTTP/1.0\r\n\r\n").unwrap().query_offset, 6);
        assert!(Request::parse(b"GET /\r\n\r\n").is_err());
        assert!(Request::parse(b"hello\r\n\r\n").is_err());
        assert!(Request::parse(b"\xff / HTTP/1.1\r\n\r\n").is_err());
    }

    #[test]
    fn forms_are_unescaped() {
        let pairs: Vec<_> = form("a=1+2&&b=%41%4&c&=x&%62=%e4%bd%a0%ff").collect();
        let expected = [
            (0, "a".into(), "1 2".into()),
            (7, "b".into(), "A%4".into()),
            (15, "c".into(), "".into()),
            (20, "b".into(), "你\u{fffd}".into()),
        ];
        assert_eq!(pairs, expected);
        assert_eq!(form("").count(), 0);
    }
}
