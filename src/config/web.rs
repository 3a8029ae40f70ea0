//! [`Web`]: under which names browsers ask, and where the console's map comes from.

use serde::Deserialize;

use super::document::Places;
use super::problem::Report;

/// What browsers are told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Web {
    /// Names that the server goes by, beside the address that it listens on and `localhost`.
    pub hosts: Vec<String>,
    /// The address of map tiles of one's own, with `{z}`, `{x}` and `{y}`; without it the console
    /// draws the roads that the engine knows and asks nobody else.
    pub tiles: Option<String>,
}

impl Web {
    /// Scheme, name and port of the tiles: what a page may ask beside the server itself.
    #[must_use]
    pub fn tiles_origin(&self) -> Option<&str> {
        origin(self.tiles.as_deref()?)
    }
}

/// Reports what is wrong.
pub(super) fn check(file: &str, web: &Web, places: &Places, report: &mut Report) {
    let is_name = |name: &str| {
        let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.');
        !name.is_empty() && name.chars().all(fits)
    };
    for name in web.hosts.iter().filter(|name| !is_name(name)) {
        let what = format!("web.hosts: found {name:?}, expected a name such as console.example");
        report.problem(file, places.line("web.hosts"), what);
    }
    let Some(tiles) = &web.tiles else { return };
    let has_places = ["{z}", "{x}", "{y}"].iter().all(|place| tiles.contains(place));
    if origin(tiles).is_none() || !has_places {
        let what = format!(
            "web.tiles: found {tiles:?}, expected an address such as \
             https://tiles.example/{{z}}/{{x}}/{{y}}.png"
        );
        report.problem(file, places.line("web.tiles"), what);
    }
}

/// `https://name:port` of an address; none where it holds what a header must not.
fn origin(address: &str) -> Option<&str> {
    let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"))?;
    let (name, _) = rest.split_once('/')?;
    let fits = |letter: char| {
        letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.' | ':' | '[' | ']')
    };
    let scheme = address.len() - rest.len();
    (!name.is_empty() && name.chars().all(fits)).then(|| &address[..scheme + name.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_origin_of_tiles_is_scheme_name_and_port() {
        let of = |tiles: &str| {
            Web { tiles: Some(tiles.to_owned()), ..Web::default() }
                .tiles_origin()
                .map(str::to_owned)
        };
        assert_eq!(of("https://t.example/{z}").as_deref(), Some("https://t.example"));
        assert_eq!(of("http://[::1]:81/a/b").as_deref(), Some("http://[::1]:81"));
        for bad in ["t.example/{z}", "https:///x", "https://a b/x", "https://a;script-src */x"] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}
