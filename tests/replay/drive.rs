//! One drive to a checkpoint and past it, in every format that replay reads.

use std::fmt::Write as _;

use interdict_protocols::tracker::tracker;
use interdict_protocols::{DeviceId, Fix, Time};

/// Degrees of latitude that a car at 54 km/h makes in ten seconds.
const STEP_DEG: f64 = 54.0 / 3.6 * 10.0 / 111_195.0;

pub(crate) const CHECKPOINTS: &str = r#"{"type":"FeatureCollection","features":[
 {"type":"Feature","properties":{"id":"north","name":"North","kind":"throat-road","unit":"any","lead_s":240},
  "geometry":{"type":"Point","coordinates":[121.63,39.0]}}]}"#;

/// From 4.5 km south of the checkpoint to 2 km north of it, a fix each ten seconds.
pub(crate) fn fixes() -> Vec<Fix> {
    let begin = Time::parse("2026-06-15T02:00:00Z").expect("a time");
    (0..45)
        .map(|number| {
            // Six decimals, as files have them.
            let latitude = 39.0 + STEP_DEG * f64::from(number - 30);
            let latitude = (latitude * 1e6).round() / 1e6;
            let time = begin.plus_seconds(10.0 * f64::from(number));
            let mut fix = Fix::new(time, latitude, 121.63).expect("on the globe");
            fix.speed_kmh = Some(54.0);
            fix.course_deg = Some(0.0);
            fix
        })
        .collect()
}

pub(crate) fn csv(device: &str, fixes: &[Fix]) -> String {
    fixes.iter().fold(
        "device,time,latitude,longitude,speed_kmh,course_deg\n".to_owned(),
        |text, fix| {
            text + &format!("{device},{},{},{},54,0\n", fix.fix_time, fix.latitude, fix.longitude)
        },
    )
}

/// With the times as clocks in China show them, without a zone.
pub(crate) fn csv_local(device: &str, fixes: &[Fix]) -> String {
    fixes.iter().fold(
        "device,time,latitude,longitude,speed_kmh,course_deg\n".to_owned(),
        |text, fix| {
            let local = fix.fix_time.plus_seconds(8.0 * 3600.0).to_string();
            let local = local.replace('T', " ").replace('Z', "");
            text + &format!("{device},{local},{},{},54,0\n", fix.latitude, fix.longitude)
        },
    )
}

pub(crate) fn gpx(device: &str, fixes: &[Fix]) -> String {
    let mut text = format!(
        "<?xml version=\"1.0\"?>\n<gpx version=\"1.1\" xmlns=\"http://www.topografix.com/GPX/1/1\">\n\
         <trk><name>{device}</name><trkseg>\n"
    );
    for fix in fixes {
        let _ = writeln!(
            text,
            "<trkpt lat=\"{}\" lon=\"{}\"><time>{}</time><extensions><speed>15</speed>\
             <course>0</course></extensions></trkpt>",
            fix.latitude, fix.longitude, fix.fix_time
        );
    }
    text + "</trkseg></trk>\n</gpx>\n"
}

pub(crate) fn geojson(device: &str, fixes: &[Fix]) -> String {
    let features: Vec<_> = fixes
        .iter()
        .map(|fix| {
            format!(
                "{{\"type\":\"Feature\",\"properties\":{{\"device\":\"{device}\",\"time\":\"{}\",\
                 \"speed_kmh\":54,\"course_deg\":0}},\"geometry\":{{\"type\":\"Point\",\
                 \"coordinates\":[{},{}]}}}}",
                fix.fix_time, fix.longitude, fix.latitude
            )
        })
        .collect();
    format!("{{\"type\":\"FeatureCollection\",\"features\":[\n{}\n]}}\n", features.join(",\n"))
}

/// As `interdict decode` prints them.
pub(crate) fn jsonl(device: &str, fixes: &[Fix]) -> String {
    fixes.iter().fold(String::new(), |text, fix| {
        text + &format!(
            "{{\"kind\":\"fix\",\"device\":\"{device}\",\"fix_time\":\"{}\",\"valid\":true,\
             \"latitude\":{},\"longitude\":{},\"altitude_m\":null,\"speed_kmh\":54.0,\
             \"course_deg\":0.0,\"attributes\":{{}}}}\n",
            fix.fix_time, fix.latitude, fix.longitude
        )
    })
}

pub(crate) fn nmea(fixes: &[Fix]) -> String {
    fixes.iter().fold(String::new(), |text, fix| {
        let digits: String =
            fix.fix_time.to_string().chars().filter(char::is_ascii_digit).collect();
        let (date, clock) = digits.split_at(8);
        let date = format!("{}{}{}", &date[6..8], &date[4..6], &date[2..4]);
        let angle = |degrees: f64, width: usize| {
            let minutes = degrees.fract() * 60.0;
            format!("{:0width$}{minutes:08.5}", degrees.trunc())
        };
        let (north, east) = (angle(fix.latitude, 2), angle(fix.longitude, 3));
        let body = format!("GPRMC,{clock},A,{north},N,{east},E,29.157667,0.0,{date},,");
        let sum = body.bytes().fold(0, |sum, byte| sum ^ byte);
        text + &format!("${body}*{sum:02X}\r\n")
    })
}

/// As `serve --record` writes them.
pub(crate) fn frames(protocol: &str, device: &str, fixes: &[Fix]) -> String {
    let (_, mut tracker) = tracker(protocol, &DeviceId::from(device)).expect("can be played");
    fixes.iter().fold(String::new(), |text, fix| {
        let wire: String = tracker.report(fix).iter().map(|byte| format!("{byte:02x}")).collect();
        text + &format!(
            "{{\"at\":\"{}\",\"protocol\":\"{protocol}\",\"transport\":\"tcp\",\
             \"peer\":\"127.0.0.1:4711\",\"connection\":7,\"wire\":\"{wire}\"}}\n",
            fix.fix_time
        )
    })
}
