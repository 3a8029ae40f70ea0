//! OpenStreetMap's XML files.

use anyhow::{Context, Result, bail};
use interdict_engine::roads::RoadBuilder;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::tags::Tags;
use super::{Member, add_restriction, add_way};

/// What is being read.
enum Open {
    Nothing,
    Way { id: i64, points: Vec<i64>, tags: Tags },
    Relation { members: Vec<Member>, tags: Tags },
}

pub(super) fn read(bytes: &[u8]) -> Result<RoadBuilder> {
    let mut builder = RoadBuilder::new();
    let mut places: Vec<(i64, f64, f64)> = Vec::new();
    let text = std::str::from_utf8(bytes).context("the OpenStreetMap file is not in UTF-8")?;
    let mut reader = Reader::from_str(text);
    let (mut open, mut complete, mut is_osm) = (Open::Nothing, false, false);
    loop {
        let event = reader.read_event().with_context(|| {
            format!("the OpenStreetMap file is damaged at byte {}", reader.error_position())
        })?;
        match event {
            Event::Start(tag) => {
                is_osm |= tag.name().as_ref() == "osm";
                begin(&tag, &mut open, &mut places);
            }
            Event::Empty(tag) => {
                begin(&tag, &mut open, &mut places);
                if matches!(tag.name().as_ref(), "way" | "relation") {
                    open = Open::Nothing;
                }
            }
            Event::End(tag) => match tag.name().as_ref() {
                "way" | "relation" => match std::mem::replace(&mut open, Open::Nothing) {
                    Open::Way { id, points, tags } => add_way(&mut builder, id, points, &tags),
                    Open::Relation { members, tags } => {
                        add_restriction(&mut builder, &tags, &members);
                    }
                    Open::Nothing => {}
                },
                "osm" => complete = true,
                _ => {}
            },
            Event::Eof => break,
            _ => {}
        }
    }
    if !is_osm {
        bail!("XML, but not OpenStreetMap's: it has no <osm> element");
    }
    if !complete {
        bail!("the OpenStreetMap file is cut short: </osm> is missing");
    }
    let used = builder.points();
    for (id, latitude, longitude) in places {
        if used.binary_search(&id).is_ok() {
            builder.place(id, latitude, longitude);
        }
    }
    Ok(builder)
}

fn begin(tag: &BytesStart<'_>, open: &mut Open, places: &mut Vec<(i64, f64, f64)>) {
    match (tag.name().as_ref(), open) {
        ("node", _) => {
            if let (Some(id), Some(latitude), Some(longitude)) =
                (number(tag, "id"), number(tag, "lat"), number(tag, "lon"))
            {
                places.push((id, latitude, longitude));
            }
        }
        ("way", open) => {
            if let Some(id) = number(tag, "id") {
                *open = Open::Way { id, points: Vec::new(), tags: Tags::default() };
            }
        }
        ("relation", open) => {
            *open = Open::Relation { members: Vec::new(), tags: Tags::default() };
        }
        ("nd", Open::Way { points, .. }) => points.extend(number::<i64>(tag, "ref")),
        ("tag", Open::Way { tags, .. } | Open::Relation { tags, .. }) => {
            if let (Some(key), Some(value)) = (text(tag, "k"), text(tag, "v")) {
                tags.set(&key, &value);
            }
        }
        ("member", Open::Relation { members, .. }) => {
            let Some(id) = number(tag, "ref") else { return };
            match (text(tag, "role").as_deref(), text(tag, "type").as_deref()) {
                (Some("from"), Some("way")) => members.push(Member::From(id)),
                (Some("via"), Some("node")) => members.push(Member::Via(id)),
                (Some("to"), Some("way")) => members.push(Member::To(id)),
                _ => {}
            }
        }
        _ => {}
    }
}

fn text(tag: &BytesStart<'_>, key: &str) -> Option<String> {
    let attribute = tag.try_get_attribute(key).ok()??;
    Some(quick_xml::escape::unescape(&attribute.value).ok()?.into_owned())
}

fn number<T: std::str::FromStr>(tag: &BytesStart<'_>, key: &str) -> Option<T> {
    text(tag, key)?.parse().ok()
}
