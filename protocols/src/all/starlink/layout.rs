//! Which field is what: the order of parameter 177.

use crate::field::Fields;

/// The orders seen in use, the second being the maker's default. The first that a report's fields
/// fit is taken; no report with a voltage fits two.
static USUAL: [&[Tag]; 3] = [
    // EDT, EID, PDT, LAT, LONG, SPD, HEAD, ODO, IN1 to IN4, OUT1 to OUT4, LAC, CID, VIN, VBAT, DEST,
    // IGN, ENG
    &[
        Tag::EventTime,
        Tag::Event,
        Tag::PositionTime,
        Tag::Latitude,
        Tag::Longitude,
        Tag::SpeedKnots,
        Tag::Course,
        Tag::Odometer,
        Tag::Flag("input_1"),
        Tag::Flag("input_2"),
        Tag::Flag("input_3"),
        Tag::Flag("input_4"),
        Tag::Flag("output_1"),
        Tag::Flag("output_2"),
        Tag::Flag("output_3"),
        Tag::Flag("output_4"),
        Tag::Whole("lac"),
        Tag::Whole("cell_id"),
        Tag::Number("power_v"),
        Tag::Number("battery_v"),
        Tag::Text("destination"),
        Tag::Ignition,
        Tag::Flag("engine"),
    ],
    // EDT, EID, PDT, LAT, LONG, SPD, HEAD, ODO, LAC, CID, VIN, VBAT
    &[
        Tag::EventTime,
        Tag::Event,
        Tag::PositionTime,
        Tag::Latitude,
        Tag::Longitude,
        Tag::SpeedKnots,
        Tag::Course,
        Tag::Odometer,
        Tag::Whole("lac"),
        Tag::Whole("cell_id"),
        Tag::Number("power_v"),
        Tag::Number("battery_v"),
    ],
    // IMEI, EDT, PDT, LAT, LONG, SPD, IGN, ODO, DUR, TDUR, LAC, CID, VIN, VBAT, EID, EDSC, DRV, SATU,
    // CSS, OUT1, OUT2
    &[
        Tag::Imei,
        Tag::EventTime,
        Tag::PositionTime,
        Tag::Latitude,
        Tag::Longitude,
        Tag::SpeedKnots,
        Tag::Ignition,
        Tag::Odometer,
        Tag::Number("engine_duration"),
        Tag::Number("engine_duration_total"),
        Tag::Whole("lac"),
        Tag::Whole("cell_id"),
        Tag::Number("power_v"),
        Tag::Number("battery_v"),
        Tag::Event,
        Tag::Text("event_text"),
        Tag::Flag("driving"),
        Tag::Whole("satellites"),
        Tag::Whole("rssi"),
        Tag::Flag("output_1"),
        Tag::Flag("output_2"),
    ],
];

/// What a field means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Tag {
    /// The unit once more.
    Imei,
    EventTime,
    Event,
    PositionTime,
    /// Latitude and longitude: degrees and minutes, or degrees.
    Latitude,
    Longitude,
    LatitudeDegrees,
    LongitudeDegrees,
    SpeedKnots,
    SpeedKmh,
    Course,
    Altitude,
    /// In kilometres.
    Odometer,
    Jamming,
    Ignition,
    /// Attributes of these names.
    Flag(&'static str),
    Number(&'static str),
    Whole(&'static str),
    Text(&'static str),
    Unknown,
}

/// The meaning of a tag's name, `#` around it or not.
pub(super) fn tag(name: &str) -> Tag {
    match name.trim().trim_matches('#') {
        "IMEI" => Tag::Imei,
        "EDT" => Tag::EventTime,
        "EID" => Tag::Event,
        "EDSC" => Tag::Text("event_text"),
        "PDT" => Tag::PositionTime,
        "LAT" => Tag::Latitude,
        "LONG" => Tag::Longitude,
        "LTDD" => Tag::LatitudeDegrees,
        "LGDD" => Tag::LongitudeDegrees,
        "SPD" => Tag::SpeedKnots,
        "SPDK" => Tag::SpeedKmh,
        "HEAD" => Tag::Course,
        "ALT" | "ALTD" => Tag::Altitude,
        "ODO" | "ODOD" => Tag::Odometer,
        "JAM" => Tag::Jamming,
        "IGN" | "IGNL" => Tag::Ignition,
        "ENG" => Tag::Flag("engine"),
        "DRV" => Tag::Flag("driving"),
        "IARM" => Tag::Flag("armed"),
        "IN1" | "INC" => Tag::Flag("input_1"),
        "IN2" | "IND" => Tag::Flag("input_2"),
        "IN3" | "INE" => Tag::Flag("input_3"),
        "IN4" | "INF" => Tag::Flag("input_4"),
        "OUT1" | "OUTA" => Tag::Flag("output_1"),
        "OUT2" | "OUTB" => Tag::Flag("output_2"),
        "OUT3" | "OUTC" => Tag::Flag("output_3"),
        "OUT4" | "OUTD" => Tag::Flag("output_4"),
        "VIN" => Tag::Number("power_v"),
        "VBAT" => Tag::Number("battery_v"),
        "V3" => Tag::Number("adc_3_v"),
        "V4" => Tag::Number("adc_4_v"),
        "STRT" => Tag::Number("starter_v"),
        "BATC" => Tag::Number("battery_percent"),
        "BATH" => Tag::Number("battery_health_percent"),
        "SAT" | "SATN" => Tag::Whole("satellites_visible"),
        "SATU" => Tag::Whole("satellites"),
        "PDOP" => Tag::Number("pdop"),
        "HDOP" => Tag::Number("hdop"),
        "VDOP" => Tag::Number("vdop"),
        "LOCA" => Tag::Number("accuracy_m"),
        "LAC" => Tag::Whole("lac"),
        "CID" => Tag::Whole("cell_id"),
        "NC" => Tag::Text("operator"),
        "CSS" => Tag::Whole("rssi"),
        "TVI" => Tag::Number("device_temperature_c"),
        "TV1" => Tag::Number("temperature_1_c"),
        "TV2" => Tag::Number("temperature_2_c"),
        "TV3" => Tag::Number("temperature_3_c"),
        "TV4" => Tag::Number("temperature_4_c"),
        "TH1" => Tag::Number("humidity_1_percent"),
        "TH2" => Tag::Number("humidity_2_percent"),
        "RPM" => Tag::Whole("rpm"),
        "CFL" => Tag::Number("fuel"),
        "CFL2" => Tag::Number("fuel_2"),
        "DUR" => Tag::Number("engine_duration"),
        "TDUR" => Tag::Number("engine_duration_total"),
        "DID" | "DAL" => Tag::Text("driver_id"),
        "DEST" => Tag::Text("destination"),
        "USER" => Tag::Text("user"),
        "EDV1" => Tag::Text("external_1"),
        "EDV2" => Tag::Text("external_2"),
        "EDV3" => Tag::Text("external_3"),
        "EDV4" => Tag::Text("external_4"),
        _ => Tag::Unknown,
    }
}

/// The first usual order that the fields from `from` on fit.
pub(super) fn usual(fields: &Fields<'_>, from: usize) -> Option<&'static [Tag]> {
    USUAL.into_iter().find(|order| {
        order.iter().zip(from..fields.count()).all(|(tag, index)| {
            let text = fields.text(index);
            if *tag == Tag::Imei {
                is_digits(text, 15)
            } else {
                text.is_empty() || fits(*tag, text)
            }
        })
    })
}

/// Whether a field may be what the tag says: in form, since nothing else is known of it.
fn fits(tag: Tag, text: &str) -> bool {
    match tag {
        Tag::EventTime | Tag::PositionTime => is_date(text),
        Tag::Event => is_event(text),
        Tag::Latitude | Tag::Longitude => is_place(text),
        Tag::SpeedKnots | Tag::Number("power_v" | "battery_v") => text.contains('.'),
        Tag::SpeedKmh | Tag::Course => (1..=3).any(|length| is_digits(text, length)),
        Tag::Odometer => text.len() > 3,
        Tag::Ignition | Tag::Flag(_) => is_digits(text, 1),
        Tag::Whole("lac" | "cell_id" | "satellites") => text.bytes().all(|b| b.is_ascii_digit()),
        Tag::Text("event_text") => is_description(text),
        _ => true,
    }
}

fn is_digits(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_date(text: &str) -> bool {
    is_digits(text, 12)
}

fn is_event(text: &str) -> bool {
    is_digits(text, 2) || is_digits(text, 3)
}

fn is_place(text: &str) -> bool {
    text.starts_with(['+', '-']) && text.contains('.')
}

fn is_description(text: &str) -> bool {
    text.len() > 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b' ')
}

/// What can be told without knowing the order: dates, place, and what the maker puts beside them
/// in every order seen.
pub(super) fn by_form(fields: &Fields<'_>, from: usize) -> Vec<(Tag, usize)> {
    let mut found = Vec::new();
    let count = fields.count();
    let place = (from..count).find(|index| {
        is_place(fields.text(*index)) && is_place(fields.text(index.saturating_add(1)))
    });
    let until = place.unwrap_or(count);
    let event_time = (from..until).find(|index| is_date(fields.text(*index)));
    found.extend(event_time.map(|index| (Tag::EventTime, index)));
    if let Some(place) = place {
        let position_time = (from..place).rev().find(|index| is_date(fields.text(*index)));
        found.extend(position_time.map(|index| (Tag::PositionTime, index)));
        let longitude = place.saturating_add(1);
        let speed = longitude.saturating_add(1);
        found.extend([(Tag::Latitude, place), (Tag::Longitude, longitude)]);
        let has_tenths = fields.text(speed).contains('.');
        found.push((if has_tenths { Tag::SpeedKnots } else { Tag::SpeedKmh }, speed));
        // Up to the odometer, which has six digits: a state, a course.
        for index in (speed..count).skip(1).take(2) {
            match fields.text(index).len() {
                1 => found.push((Tag::Ignition, index)),
                2 | 3 => found.push((Tag::Course, index)),
                _ => break,
            }
        }
    }
    // Between the dates, or beside its own description.
    let event = event_time
        .and_then(|time| (time..until).find(|index| is_event(fields.text(*index))))
        .or_else(|| {
            let described = |index: &usize| {
                let beside = [index.saturating_sub(1), index.saturating_add(1)];
                is_event(fields.text(*index))
                    && beside.into_iter().any(|other| is_description(fields.text(other)))
            };
            (from..count).find(described)
        });
    found.extend(event.map(|index| (Tag::Event, index)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_may_be_set_off_by_their_mark() {
        assert_eq!(tag("#SPDK#"), Tag::SpeedKmh);
        assert_eq!(tag(" EDT"), Tag::EventTime);
        assert_eq!(tag("IMEI"), Tag::Imei);
    }

    #[test]
    fn an_order_is_known_by_the_form_of_its_fields() {
        let order = |text: &str| usual(&Fields::split(text.as_bytes(), b','), 0);
        let place = "260615015955,+3854.8400,+12136.8820,024.3";
        let short = format!("260615015955,01,{place},271,007012,100,200,12.6,03.9");
        assert_eq!(order(&short), Some(USUAL[1]));
        let long = format!("260615015955,01,{place},271,007012,1,1,0,0,0,0,0,0,1,2,12.6,03.9,,1,1");
        assert_eq!(order(&long), Some(USUAL[0]));
        let named =
            format!("861230049170412,260615015955,{place},1,007012,,2,1,2,12.6,03.9,09,Lost");
        assert_eq!(order(&named), Some(USUAL[2]));
        let other = format!("861230049170412,260615015955,Location,01,{place},1,271,007012");
        assert_eq!(order(&other), None);
        let found = by_form(&Fields::split(other.as_bytes(), b','), 0);
        let expected = [
            (Tag::EventTime, 1),
            (Tag::PositionTime, 4),
            (Tag::Latitude, 5),
            (Tag::Longitude, 6),
            (Tag::SpeedKnots, 7),
            (Tag::Ignition, 8),
            (Tag::Course, 9),
            (Tag::Event, 3),
        ];
        assert_eq!(found, expected);
        assert_eq!(by_form(&Fields::split(b"", b','), 0), []);
    }
}
