//! [`Webhook`]: what an admin has said of an endpoint.

use std::collections::BTreeSet;

use interdict_protocols::Time;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::signing::Secrets;
use crate::dispatch::Wanted;
use crate::store::StoredEvent;

/// Fields of an event's data that go out only where they are named: where patrol cars are does not
/// concern other systems.
const AT_HOME: [&str; 1] = ["nearest_units"];
/// In a list of fields: all but those.
const ALL: &str = "*";

/// Whether events are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = WebhookState)]
pub enum State {
    /// They are.
    #[default]
    Active,
    /// Somebody holds them; they wait.
    Paused,
    /// The endpoint answered 410, that it is gone; they wait.
    Gone,
}

/// An endpoint that events are sent to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Its identity, made by us.
    pub id: String,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where events go.
    pub url: String,
    /// Which events.
    #[serde(default)]
    pub filter: Wanted,
    /// Which fields of their data; none said: all but those that stay at home.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<Vec<String>>,
    /// What requests are signed with.
    pub secrets: Secrets,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created_at: Time,
    /// Whether events are sent.
    #[serde(default)]
    pub state: State,
}

impl Webhook {
    /// The body of the request that delivers `event`: its CloudEvent with those fields of its data that
    /// go out. The same each time, so that a receiver sees that a repetition is one.
    pub(super) fn body(&self, event: &StoredEvent) -> Result<String, serde_json::Error> {
        let mut cloud: Value = serde_json::from_str(&event.json)?;
        if let Some(data) = cloud.get_mut("data").and_then(Value::as_object_mut) {
            let named: Option<BTreeSet<&str>> =
                self.fields.as_ref().map(|fields| fields.iter().map(String::as_str).collect());
            data.retain(|name, _| match &named {
                Some(named) => {
                    named.contains(name.as_str())
                        || named.contains(ALL) && !AT_HOME.contains(&name.as_str())
                }
                None => !AT_HOME.contains(&name.as_str()),
            });
        }
        serde_json::to_string(&cloud)
    }
}

#[cfg(test)]
mod tests {
    use interdict_engine::Type;
    use serde_json::json;

    use super::super::signing::Secret;
    use super::*;
    use crate::store::Store;
    use crate::store::testing::alert;

    fn fields_sent(fields: Option<&[&str]>) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), "urn:test").unwrap();
        let committed = store.commit(&[], &[alert("1.0", "1.0", Type::Raised, 60)]).unwrap();
        let webhook = Webhook {
            id: "w".into(),
            name: None,
            url: "https://receiver.example/".into(),
            filter: Wanted::default(),
            fields: fields.map(|fields| fields.iter().map(|&field| field.to_owned()).collect()),
            secrets: Secrets::new(Secret::random().unwrap()),
            created_by: "wang".into(),
            created_at: Time::from_seconds(0),
            state: State::Active,
        };
        let body: Value =
            serde_json::from_str(&webhook.body(&committed.events[0]).unwrap()).unwrap();
        assert_eq!((&body["id"], &body["specversion"]), (&json!("1.0"), &json!("1.0")));
        body["data"].as_object().unwrap().keys().cloned().collect()
    }

    #[test]
    fn nearest_units_go_out_only_where_they_are_named() {
        let all = fields_sent(None);
        assert!(all.len() > 10 && all.contains(&"eta_s".to_owned()));
        assert!(!all.contains(&"nearest_units".to_owned()));
        assert_eq!(fields_sent(Some(&["eta_s", "vehicle", "nonsense"])), ["eta_s", "vehicle"]);
        assert_eq!(fields_sent(Some(&["*"])), all);
        let named = fields_sent(Some(&["*", "nearest_units"]));
        assert_eq!(named.len(), all.len() + 1);
        assert_eq!(fields_sent(Some(&["nearest_units"])), ["nearest_units"]);
    }
}
