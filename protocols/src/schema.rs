//! JSON Schemas of what is serialized by hand, for the OpenAPI document.

use utoipa::openapi::schema::{ArrayBuilder, KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::{Alarm, AlarmSet, DeviceId, Time};

impl PartialSchema for Time {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("An instant, RFC 3339; answers state it in UTC, to the millisecond."))
            .examples(["2026-06-15T02:01:15Z"])
            .into()
    }
}

impl ToSchema for Time {}

impl PartialSchema for DeviceId {
    fn schema() -> RefOr<Schema> {
        let what = "A device's identity: IMEI, terminal number, or what its protocol names it by.";
        ObjectBuilder::new().schema_type(Type::String).description(Some(what)).into()
    }
}

impl ToSchema for DeviceId {}

impl PartialSchema for Alarm {
    fn schema() -> RefOr<Schema> {
        let names = Self::ALL.iter().map(|alarm| alarm.name());
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(names))
            .description(Some("An alarm that a device reports."))
            .into()
    }
}

impl ToSchema for Alarm {}

impl PartialSchema for AlarmSet {
    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new().items(Ref::from_schema_name(<Alarm as ToSchema>::name())).into()
    }
}

impl ToSchema for AlarmSet {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((<Alarm as ToSchema>::name().into(), Alarm::schema()));
    }
}
