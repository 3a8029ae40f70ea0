//! OpenStreetMap's binary files.

use anyhow::{Context, Result};
use interdict_engine::roads::RoadBuilder;
use osmpbf::{Element, ElementReader, RelMemberType};

use super::tags::Tags;
use super::{Member, add_restriction, add_way};

pub(super) fn read(bytes: &[u8]) -> Result<RoadBuilder> {
    let mut builder = RoadBuilder::new();
    each(bytes, |element| match element {
        Element::Way(way) => {
            let tags = collect(way.tags());
            add_way(&mut builder, way.id(), way.refs().collect(), &tags);
        }
        Element::Relation(relation) => {
            let tags = collect(relation.tags());
            if tags.restriction().is_none() {
                return;
            }
            let members: Vec<Member> = relation
                .members()
                .filter_map(|member| match (member.role().ok()?, member.member_type) {
                    ("from", RelMemberType::Way) => Some(Member::From(member.member_id)),
                    ("via", RelMemberType::Node) => Some(Member::Via(member.member_id)),
                    ("to", RelMemberType::Way) => Some(Member::To(member.member_id)),
                    _ => None,
                })
                .collect();
            add_restriction(&mut builder, &tags, &members);
        }
        Element::Node(_) | Element::DenseNode(_) => {}
    })?;
    // Places come before ways in the file, and most are of no road: a second pass is smaller than
    // keeping them all.
    let used = builder.points();
    let mut place = |id: i64, latitude: f64, longitude: f64| {
        if used.binary_search(&id).is_ok() {
            builder.place(id, latitude, longitude);
        }
    };
    each(bytes, |element| match element {
        Element::Node(node) => place(node.id(), node.lat(), node.lon()),
        Element::DenseNode(node) => place(node.id(), node.lat(), node.lon()),
        Element::Way(_) | Element::Relation(_) => {}
    })?;
    Ok(builder)
}

fn each(bytes: &[u8], with: impl for<'a> FnMut(Element<'a>)) -> Result<()> {
    ElementReader::new(bytes)
        .for_each(with)
        .context("the OpenStreetMap file (.osm.pbf) is damaged or cut short")
}

fn collect<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Tags {
    let mut tags = Tags::default();
    for (key, value) in pairs {
        tags.set(key, value);
    }
    tags
}
