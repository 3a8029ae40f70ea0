//! `/openapi.json`: what this interface takes and answers, for programs (OpenAPI 3.1).
//!
//! Each handler's attribute says what is its own, and registers the handler, so that no address is
//! without it; here is what they have in common.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::Extension;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::{IntoParams, Modify, OpenApi, ToSchema};

use super::problem::Problem;
use super::request_id::REQUEST_ID;
use super::sessions::{COOKIE, CSRF};

/// What every guarded address may answer.
const GUARDED: [u16; 5] = [401, 403, 421, 429, 503];

/// How it is said that something did not go well, wherever a handler says nothing else of it.
const REFUSALS: [(u16, &str); 13] = [
    (400, "What is asked cannot be read, or makes no sense."),
    (401, "It bears neither a token in force nor a session."),
    (403, "The role may not do that, or it is another unit's."),
    (404, "There is no such thing."),
    (409, "It cannot be done as things stand; `type` tells why."),
    (410, "What would have to be read is purged."),
    (413, "The body is larger than is taken here."),
    (415, "The body is not declared as JSON."),
    (421, "The server does not go by the name in `Host`."),
    (422, "It can be read, but not be done; `type` tells why."),
    (429, "Too many requests; `Retry-After` says in how many seconds there is room again."),
    (500, "The server failed; its log says where."),
    (503, "It cannot be made durable, or the server is not ready; try again after `Retry-After`."),
];

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Interdict",
        description = "Where flagged vehicles are heading, and who must know. Times are RFC 3339 in \
                       UTC, places WGS-84 degrees, units in the names of fields. Every refusal is a \
                       problem document (RFC 9457).",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    components(schemas(Problem, interdict_engine::Cloud<'_>)),
    modifiers(&Ways),
    security(("token" = []), ("session" = [])),
    tags(
        (name = "alerts", description = "Flagged vehicles on their way to checkpoints, and what people do about them."),
        (name = "audit", description = "Who did what, in a log that shows when it was changed."),
        (name = "backup", description = "All that is durable."),
        (name = "checkpoints", description = "Where vehicles can be stopped."),
        (name = "containment", description = "Which checkpoints hold a vehicle."),
        (name = "devices", description = "Trackers, and what carries them."),
        (name = "events", description = "The stream of what happens."),
        (name = "flags", description = "The watchlist."),
        (name = "ingest", description = "Positions that other platforms post."),
        (name = "reports", description = "How alerts were handled."),
        (name = "roads", description = "The roads that the engine knows."),
        (name = "server", description = "Whether it lives, and its counters."),
        (name = "sessions", description = "Browsers' logins."),
        (name = "sightings", description = "Where somebody or something other than its tracker saw a vehicle."),
        (name = "tokens", description = "Who may do what."),
        (name = "units", description = "The command tree, and who answers for which area."),
        (name = "vehicles", description = "Where a vehicle is, and what is held on it."),
        (name = "webhooks", description = "Other systems that events are sent to."),
    ),
)]
pub(super) struct Common;

/// The two ways to say who asks.
struct Ways;

impl Modify for Ways {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{
            ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme,
        };
        let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let description = format!(
            "A browser's session, opened by `POST /v1/session`. What changes something repeats the \
             session's word in the header `{CSRF}`."
        );
        let session = ApiKeyValue::with_description(COOKIE, &description);
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(token));
        components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(session)));
    }
}

/// `?reason=`, which most requests may state.
pub(super) enum Why {}

impl IntoParams for Why {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let reason = ParameterBuilder::new()
            .name("reason")
            .parameter_in(ParameterIn::Query)
            .description(Some("Why, for the audit log."))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)));
        vec![reason.build()]
    }
}

/// The document as it is served.
#[derive(Clone)]
pub(super) struct Document(Arc<str>);

/// This document.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "server",
    security(()),
    responses((status = 200, body = Object), (status = 421))
)]
pub(super) async fn openapi(Extension(Document(text)): Extension<Document>) -> impl IntoResponse {
    let kind = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, kind)], text.to_string())
}

impl Document {
    /// Adds to what the handlers say what goes for many of them.
    pub(super) fn new(openapi: &utoipa::openapi::OpenApi) -> Self {
        let mut document = json!(openapi);
        let paths = document["paths"].as_object_mut().into_iter().flatten();
        let operations = paths.flat_map(|(_, item)| item.as_object_mut().into_iter().flatten());
        for operation in operations.filter_map(|(_, operation)| operation.as_object_mut()) {
            complete(operation);
        }
        let refusals = REFUSALS.map(|(status, said)| (status.to_string(), refusal(said)));
        document["components"]["responses"] = refusals.into_iter().collect();
        let id = "Names the request in the log and in problem documents: the caller's own name for \
                  it, where that was stated in this header and is plain, or ours.";
        document["components"]["headers"] =
            json!({ REQUEST_ID.as_str(): { "description": id, "schema": { "type": "string" } } });
        on_one_line(&mut document);
        // Writing to a string cannot fail.
        let text = serde_json::to_string_pretty(&document).unwrap_or_default();
        Self(format!("{text}\n").into())
    }
}

fn complete(operation: &mut Map<String, Value>) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let name = format!("{}_{}", text(&operation["tags"][0]), text(&operation["operationId"]));
    operation.insert("operationId".to_owned(), name.into());
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
    let mut refusals = Vec::new();
    for parameter in parameters.into_iter().flatten() {
        without_null(&mut parameter["schema"]);
        refusals.push(400);
    }
    let body = operation.get("requestBody").map(|body| &body["content"]);
    if let Some(body) = body {
        refusals.extend([400, 413]);
        refusals.extend(body.get("application/json").map(|_| 415));
    }
    if !operation.contains_key("security") {
        refusals.extend(GUARDED);
    }
    let responses = operation.get_mut("responses").and_then(Value::as_object_mut);
    let Some(responses) = responses else { return };
    for status in refusals {
        responses.entry(status.to_string()).or_insert_with(|| json!({}));
    }
    for (status, response) in responses {
        let said = response["description"].as_str().filter(|said| !said.is_empty());
        match (status.starts_with(['4', '5']), said) {
            (true, None) => {
                *response = json!({ "$ref": format!("#/components/responses/{status}") })
            }
            (true, Some(said)) => *response = refusal(said),
            (false, None) => response["description"] = "Done.".into(),
            (false, Some(_)) => {}
        }
        if response["$ref"].is_null() {
            name_request(response);
        }
    }
}

/// Every answer names its request.
fn name_request(response: &mut Value) {
    let header = json!({ "$ref": format!("#/components/headers/{REQUEST_ID}") });
    response["headers"][REQUEST_ID.as_str()] = header;
}

fn refusal(description: &str) -> Value {
    let schema = json!({ "$ref": format!("#/components/schemas/{}", Problem::name()) });
    let content = json!({ "application/problem+json": { "schema": schema } });
    let mut refusal = json!({ "description": description, "content": content });
    name_request(&mut refusal);
    refusal
}

/// A parameter that may be left out is not `null` where it is not.
fn without_null(schema: &mut Value) {
    let null = json!({ "type": "null" });
    let only = if let Some(types) = schema["type"].as_array() {
        let only = types.iter().find(|kind| **kind != null["type"]).cloned();
        only.map(|kind| {
            let mut only = schema.clone();
            only["type"] = kind;
            only
        })
    } else {
        let ways = schema["oneOf"].as_array().into_iter().flatten();
        ways.clone().find(|way| **way != null).cloned()
    };
    if let Some(only) = only {
        *schema = only;
    }
}

/// Puts what doc comments part into lines for an editor's sake on one.
fn on_one_line(value: &mut Value) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(on_one_line),
        Value::Object(all) => {
            for name in ["summary", "description"] {
                if let Some(Value::String(text)) = all.get_mut(name) {
                    *text = paragraphs(text).into_owned();
                }
            }
            all.values_mut().for_each(on_one_line);
        }
        _ => {}
    }
}

fn paragraphs(text: &str) -> Cow<'_, str> {
    let paragraphs: Vec<String> =
        text.split("\n\n").map(|paragraph| paragraph.replace('\n', " ")).collect();
    paragraphs.join("\n\n").into()
}
