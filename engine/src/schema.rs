//! JSON Schemas of what is serialized by hand or written flat, for the OpenAPI document.

use std::borrow::Cow;

use interdict_protocols::{Fix, Time};
use utoipa::openapi::schema::{AllOfBuilder, ObjectBuilder, SchemaType, Type as JsonType};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::event::{Cloud, Data, Seen, Type};
use crate::{CheckpointId, FlagId, SightingSource, UnitId, VehicleId};

type Schemas = Vec<(String, RefOr<Schema>)>;

fn text(what: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(JsonType::String).description(Some(what))
}

fn reference<T: ToSchema>() -> Ref {
    Ref::from_schema_name(T::name())
}

/// Adds what `T` is, and all that it names.
fn add<T: ToSchema>(schemas: &mut Schemas) {
    schemas.push((T::name().into(), T::schema()));
    T::schemas(schemas);
}

macro_rules! ids {
    ($($name:ident $what:literal;)+) => {
        $(impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                text($what).into()
            }
        }

        impl ToSchema for $name {})+
    };
}

ids! {
    VehicleId "A vehicle's identity in the fleet.";
    CheckpointId "A checkpoint's identity.";
    UnitId "A unit's identity in the command tree.";
    FlagId "A flag's identity on the watchlist.";
}

impl PartialSchema for Type {
    fn schema() -> RefOr<Schema> {
        let names = Self::ALL.iter().map(|kind| kind.name());
        text("What happened.").enum_values(Some(names)).into()
    }
}

impl ToSchema for Type {
    fn name() -> Cow<'static, str> {
        "EventType".into()
    }
}

impl PartialSchema for Seen {
    fn schema() -> RefOr<Schema> {
        // Both or none of the fields are there; a schema that says so helps nobody.
        let sighted = ObjectBuilder::new()
            .property("source", reference::<SightingSource>())
            .property("trust", share("That it was there; stated for a sighting only."))
            .property("accuracy_m", number("How far off the place may be, metres; likewise."));
        AllOfBuilder::new()
            .item(reference::<Fix>())
            .item(sighted)
            .description(Some("A place that a vehicle was at, by its tracker or by a sighting."))
            .into()
    }
}

impl ToSchema for Seen {
    fn schemas(schemas: &mut Schemas) {
        add::<Fix>(schemas);
        add::<SightingSource>(schemas);
    }
}

fn number(what: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(JsonType::Number).description(Some(what))
}

fn share(what: &str) -> ObjectBuilder {
    number(what).minimum(Some(0)).maximum(Some(1))
}

impl PartialSchema for Cloud<'_> {
    fn schema() -> RefOr<Schema> {
        let subject = SchemaType::from_iter([JsonType::String, JsonType::Null]);
        let subject = ObjectBuilder::new()
            .schema_type(subject)
            .description(Some("The vehicle concerned; of a flag that is recalled, the flag."));
        let properties: [(&str, RefOr<Schema>); 9] = [
            (
                "specversion",
                ObjectBuilder::new()
                    .schema_type(JsonType::String)
                    .enum_values(Some(["1.0"]))
                    .into(),
            ),
            ("id", text("The same in every replay and repetition.").into()),
            ("source", text("Names the installation.").into()),
            ("type", reference::<Type>().into()),
            ("time", reference::<Time>().into()),
            ("subject", subject.into()),
            ("sequence", text("The cursor.").pattern(Some("^[0-9]+$")).into()),
            (
                "datacontenttype",
                ObjectBuilder::new()
                    .schema_type(JsonType::String)
                    .enum_values(Some(["application/json"]))
                    .into(),
            ),
            ("data", reference::<Data>().into()),
        ];
        let event = properties.into_iter().fold(ObjectBuilder::new(), |event, (name, schema)| {
            event.property(name, schema).required(name)
        });
        event.description(Some("Something that happened, as CloudEvents 1.0 in JSON.")).into()
    }
}

impl ToSchema for Cloud<'_> {
    fn name() -> Cow<'static, str> {
        "Event".into()
    }

    fn schemas(schemas: &mut Schemas) {
        add::<Type>(schemas);
        add::<Time>(schemas);
        add::<Data>(schemas);
    }
}
