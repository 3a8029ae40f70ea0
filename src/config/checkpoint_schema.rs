//! [`CheckpointFeature`]: what [`super::read_checkpoint`] reads, as JSON Schema.

use interdict_engine::{Kind, State, UnitId};
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, ObjectBuilder, OneOfBuilder, SchemaType, Type,
};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::checkpoints::LONGEST_S;

/// A checkpoint as a GeoJSON feature (RFC 7946). The shape is [`interdict_engine::Shape`]'s.
pub enum CheckpointFeature {}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// What may be left out may be `null`, too.
fn or_null(kind: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::from_iter([kind, Type::Null]))
}

fn word_or_null<T: ToSchema>() -> OneOfBuilder {
    let null = ObjectBuilder::new().schema_type(Type::Null);
    OneOfBuilder::new().item(Ref::from_schema_name(T::name())).item(null)
}

fn number(least: f64, most: f64, what: &str) -> ObjectBuilder {
    or_null(Type::Number).minimum(Some(least)).maximum(Some(most)).description(Some(what))
}

fn degrees() -> ArrayBuilder {
    let degrees = ObjectBuilder::new().schema_type(Type::Number);
    let degrees = degrees.minimum(Some(-180.0)).maximum(Some(180.0));
    ArrayBuilder::new()
        .items(degrees)
        .min_items(Some(2))
        .description(Some("Degrees east, -180 to 180, and north, -90 to 90."))
}

fn geometry(kind: &str, coordinates: ArrayBuilder) -> ObjectBuilder {
    ObjectBuilder::new()
        .property("type", text().enum_values(Some([kind])))
        .property("coordinates", coordinates)
        .required("type")
        .required("coordinates")
}

impl PartialSchema for CheckpointFeature {
    fn schema() -> RefOr<Schema> {
        let positions = |least| ArrayBuilder::new().items(degrees()).min_items(Some(least));
        let rings = ArrayBuilder::new().items(positions(4)).min_items(Some(1));
        let place = OneOfBuilder::new()
            .item(geometry("Point", degrees()))
            .item(geometry("LineString", positions(2)))
            .item(geometry("Polygon", rings).description(Some("Its first ring counts.")));
        let ring = or_null(Type::Integer)
            .minimum(Some(1))
            .maximum(Some(255))
            .description(Some("1 is the innermost."));
        let roughly = "How roughly its place is known, metres.";
        let properties = ObjectBuilder::new()
            .property("id", text().description(Some("As the address has it, or missing.")))
            .property("name", or_null(Type::String))
            .property("name_zh", or_null(Type::String))
            .property("kind", word_or_null::<Kind>())
            .property("unit", Ref::from_schema_name(UnitId::name()))
            .property("ring", ring)
            .property("bearing_deg", number(0.0, 360.0, "The only direction that counts."))
            .property("lead_s", number(0.0, LONGEST_S, "The time that its people need."))
            .property("ready_s", number(0.0, LONGEST_S, "The time to set it up."))
            .property("radius_m", number(1.0, 50_000.0, "How near a vehicle passes a point."))
            .property("state", word_or_null::<State>())
            .property("approximate", or_null(Type::Boolean))
            .property("accuracy_m", number(0.0, 100_000.0, roughly))
            .required("unit")
            .additional_properties(Some(AdditionalProperties::FreeForm(true)));
        ObjectBuilder::new()
            .property("type", text().enum_values(Some(["Feature"])))
            .property("properties", properties)
            .property("geometry", place)
            .required("type")
            .required("properties")
            .required("geometry")
            .description(Some("A checkpoint as a GeoJSON feature (RFC 7946)."))
            .into()
    }
}

impl ToSchema for CheckpointFeature {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Kind::name().into(), Kind::schema()));
        schemas.push((UnitId::name().into(), UnitId::schema()));
        schemas.push((State::name().into(), State::schema()));
    }
}
