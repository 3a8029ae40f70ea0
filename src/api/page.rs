//! [`Page`]: a part of a list, and the cursor that the next one begins after.

use std::cmp::Ordering;

use interdict_protocols::Time;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};

use super::extract::Pairs;
use super::problem::Problem;

/// Entries on a page where nothing is said.
const USUAL: u64 = 1_000;
/// More take too long to put together: nobody else is to wait for them.
const LARGEST: u64 = 10_000;

/// Which part of a list is asked for: `?limit=` entries after the cursor `?after=`.
pub(super) struct Page {
    after: Option<String>,
    limit: usize,
}

impl Page {
    /// The part that a request asks for.
    ///
    /// # Errors
    /// `limit` is no number.
    pub(super) fn asked(pairs: &Pairs) -> Result<Self, Problem> {
        let limit = pairs.number("limit")?.unwrap_or(USUAL).clamp(1, LARGEST);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(Self { after: pairs.get("after").map(str::to_owned), limit })
    }

    /// The most entries on it.
    pub(super) const fn limit(&self) -> usize {
        self.limit
    }

    /// The entries on it, in order of their keys, and the cursor of the next page where there is
    /// one. An entry that comes or goes in between moves no other to another page.
    pub(super) fn cut<T>(
        &self,
        all: Vec<T>,
        key: impl Fn(&T) -> String,
    ) -> (Vec<T>, Option<String>) {
        self.cut_by(all, key, str::cmp)
    }

    /// As [`Self::cut`], the greatest key first.
    pub(super) fn cut_falling<T>(
        &self,
        all: Vec<T>,
        key: impl Fn(&T) -> String,
    ) -> (Vec<T>, Option<String>) {
        self.cut_by(all, key, |one, other| other.cmp(one))
    }

    fn cut_by<T>(
        &self,
        all: Vec<T>,
        key: impl Fn(&T) -> String,
        order: impl Fn(&str, &str) -> Ordering,
    ) -> (Vec<T>, Option<String>) {
        let keyed = all.into_iter().map(|entry| (key(&entry), entry));
        let is_after =
            |key: &str| self.after.as_ref().is_none_or(|after| order(key, after).is_gt());
        let mut keyed: Vec<_> = keyed.filter(|(key, _)| is_after(key)).collect();
        keyed.sort_by(|(one, _), (other, _)| order(one, other));
        let more = keyed.len() > self.limit;
        keyed.truncate(self.limit);
        let next = keyed.last().filter(|_| more).map(|(key, _)| key.clone());
        (keyed.into_iter().map(|(_, entry)| entry).collect(), next)
    }
}

/// A time as it stands in keys: so that they are in its order.
pub(super) fn at(time: Time) -> String {
    format!("{:015}", time.millis())
}

/// `?limit=` alone, for lists whose cursor is a number.
pub(super) enum Limit {}

impl IntoParams for Limit {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let schema = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
        let description =
            format!("Entries on the page, {USUAL} unless said, {LARGEST} at the most.");
        vec![query("limit", description, schema)]
    }
}

impl IntoParams for Page {
    fn into_params(parameter_in: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let schema = ObjectBuilder::new().schema_type(Type::String);
        let description = "Where the page begins: `next` of the one before.";
        let mut parameters = vec![query("after", description.to_owned(), schema)];
        parameters.extend(Limit::into_params(parameter_in));
        parameters
    }
}

fn query(name: &str, description: String, schema: ObjectBuilder) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .description(Some(description))
        .schema(Some(schema))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list read page by page, by letters.
    fn read(limit: &str, all: &str, falling: bool) -> Vec<String> {
        let mut pages = Vec::new();
        let mut after = String::new();
        loop {
            let pairs = [("after", after.as_str()), ("limit", limit)];
            let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
            let page = Page::asked(&Pairs(pairs)).unwrap();
            let letters: Vec<char> = all.chars().collect();
            let (page, next) = match falling {
                true => page.cut_falling(letters, char::to_string),
                false => page.cut(letters, char::to_string),
            };
            pages.push(page.into_iter().collect());
            match next {
                Some(next) => after = next,
                None => return pages,
            }
        }
    }

    #[test]
    fn each_entry_is_on_one_page() {
        assert_eq!(read("2", "dbeac", false), ["ab", "cd", "e"]);
        assert_eq!(read("2", "dbac", true), ["dc", "ba"]);
        assert_eq!(read("0", "ba", false), ["a", "b"]);
        assert_eq!(read("", "ba", false), ["ab"]);
        assert_eq!(read("2", "", false), [""]);
        assert!(Page::asked(&Pairs(vec![("limit".to_owned(), "x".to_owned())])).is_err());
    }
}
