//! GPX 1.0 and 1.1: the points of its tracks, each track being a device by its name.

use std::io::BufRead;

use interdict_protocols::{DeviceId, Fix};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::watched::{Place, Watched};
use super::{Reading, fix_at};

/// No GPX nests so deep.
const DEEPEST: usize = 64;

/// No time or name is so long.
const LONGEST_TEXT: usize = 4096;

pub(super) fn read(reading: &mut Reading<'_, '_>, source: &mut dyn BufRead) -> Result<(), String> {
    let (watched, place) = Watched::new(source);
    let mut xml = Reader::from_reader(watched);
    let mut buffer = Vec::new();
    let mut state = State::default();
    let mut is_gpx = false;
    while !reading.is_over() {
        buffer.clear();
        let event = xml
            .read_event_into(&mut buffer)
            .map_err(|error| format!("cannot be read beyond line {}: {error}", place.line()))?;
        match event {
            Event::Start(start) => {
                let name = start.local_name().as_ref().to_owned();
                is_gpx |= name == "gpx";
                state.enter(name, &start)?;
            }
            Event::Empty(start) => {
                let name = start.local_name().as_ref().to_owned();
                state.enter(name, &start)?;
                state.leave(reading, &place);
            }
            Event::End(_) => state.leave(reading, &place),
            Event::Text(text) => state.text(&text.xml10_content()),
            Event::CData(text) => state.text(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                let letter = match reference.resolve_char_ref() {
                    Ok(Some(letter)) => Some(letter.to_string()),
                    _ => quick_xml::escape::resolve_predefined_entity(&reference.xml10_content())
                        .map(str::to_owned),
                };
                state.text(letter.as_deref().unwrap_or_default());
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if !is_gpx {
        return Err("is no GPX".to_owned());
    }
    if !state.path.is_empty() && !reading.is_over() {
        return Err(format!("ends inside <{}>", state.path.last().map_or("", String::as_str)));
    }
    Ok(())
}

#[derive(Default)]
struct State {
    /// The elements that are open, outermost first.
    path: Vec<String>,
    /// The text of the innermost element.
    content: String,
    track: Option<DeviceId>,
    point: Option<Point>,
}

#[derive(Default)]
struct Point {
    latitude: Option<f64>,
    longitude: Option<f64>,
    time: Option<String>,
    altitude_m: Option<f64>,
    speed_ms: Option<f64>,
    course_deg: Option<f64>,
}

impl State {
    fn enter(&mut self, name: String, start: &BytesStart<'_>) -> Result<(), String> {
        if self.path.len() >= DEEPEST {
            return Err(format!("nests deeper than {DEEPEST} elements"));
        }
        match name.as_str() {
            "trk" => self.track = None,
            "trkpt" => {
                let number = |key: &str| {
                    let attribute = start.try_get_attribute(key).ok().flatten()?;
                    attribute.value.trim().parse().ok()
                };
                self.point = Some(Point {
                    latitude: number("lat"),
                    longitude: number("lon"),
                    ..Point::default()
                });
            }
            _ => {}
        }
        self.path.push(name);
        self.content.clear();
        Ok(())
    }

    fn text(&mut self, text: &str) {
        if self.content.len() + text.len() <= LONGEST_TEXT {
            self.content.push_str(text);
        }
    }

    fn leave(&mut self, reading: &mut Reading<'_, '_>, place: &Place) {
        let Some(name) = self.path.pop() else { return };
        let content = std::mem::take(&mut self.content);
        let content = content.trim();
        if name == "trkpt" {
            if let Some(point) = self.point.take() {
                match point.fix(reading) {
                    Ok(fix) => reading.fix(self.track.clone(), fix),
                    Err(what) => reading.bad(place.line(), &what),
                }
            }
            place.part_done();
            return;
        }
        let parent = self.path.last().map(String::as_str);
        if let Some(point) = &mut self.point {
            match name.as_str() {
                "time" => point.time = Some(content.to_owned()),
                "ele" => point.altitude_m = content.parse().ok(),
                // GPX 1.0 has it in a point, 1.1 in makers' extensions; metres a second in both.
                "speed" => point.speed_ms = content.parse().ok(),
                "course" => point.course_deg = content.parse().ok(),
                _ => {}
            }
        } else if name == "name" && parent == Some("trk") && !content.is_empty() {
            self.track = Some(DeviceId::from(content));
        }
    }
}

impl Point {
    fn fix(&self, reading: &mut Reading<'_, '_>) -> Result<Fix, String> {
        let time = self.time.as_deref().ok_or("a track point without a time")?;
        let time = reading.time(time)?;
        let latitude = self.latitude.ok_or("a track point whose lat is missing or no number")?;
        let longitude = self.longitude.ok_or("a track point whose lon is missing or no number")?;
        let mut fix = fix_at(time, latitude, longitude)?;
        fix.altitude_m = self.altitude_m.filter(|metres| metres.is_finite());
        fix.speed_kmh = self.speed_ms.filter(|speed| speed.is_finite()).map(|speed| speed * 3.6);
        fix.course_deg = self.course_deg.filter(|course| course.is_finite());
        Ok(fix)
    }
}
