//! OwnTracks: the apps for phones, and trackers that speak the same (qtripp).
//!
//! HTTP on port 5144, any path. Source: the OwnTracks Booklet ("JSON", "HTTP mode"); qtripp's fields
//! as its maker publishes them.
//!
//! `POST` with a JSON object:
//!
//! | `_type` | fields |
//! |---|---|
//! | `location` | `tst` (seconds since 1970; now, if missing), `lat`, `lon`, `acc` and `vac` (m), `alt` (m), `vel` (km/h), `cog` (degrees), `batt` (%), `bs` (battery: 1 unplugged, 2 charging, 3 full), `p` (kPa), `t` (what caused it), `poi`, `tag` |
//! | `location` of a tracker | also `uext` and `ubatt` (V), `ign`, `motion`, `rpm`, `vin` or `name`, `odometer` (km), `hmc` (seconds run), `mcc`, `mnc`, `lac` and `cid` (hexadecimal), `adda-NN`, `temp_c-NN`, `rty` |
//! | `transition` | the same place, `event` (`enter`, `leave`), `desc` (of which region) |
//! | `encrypted` | refused: nothing here has the key |
//! | others | accepted and passed over: waypoints, cards, the last will |
//!
//! The device is the `topic`; else `owntracks/` with the user and device in the headers
//! `X-Limit-U` and `X-Limit-D`; else the two letters `tid`.
//!
//! | `t` | alarm |
//! |---|---|
//! | `9`, `1`, `e`, `E` | low battery, switched on, main power cut, main power back |
//! | `!`, `s` | towed, too fast |
//! | `h` | braked (`rty` 0, 3), accelerated (1, 4), cornered (2, 5) hard |
//! | `i`, `I` | none: the ignition, on and off |
//!
//! The answer is 200 once the position is safe: the app keeps and sends again what was not
//! answered. Quirks: older apps write numbers as text.

use std::borrow::Cow;

use crate::field::http::{Request, response};
use crate::field::json::{Object, Scalar};
use crate::field::number;
use crate::{
    Alarm, AlarmSet, Attributes, Context, DeviceId, Fix, Framer, Out, Protocol, Reason, Reject,
    Standing, Time, Transports, When,
};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "owntracks",
    title: "OwnTracks apps, qtripp trackers: HTTP with JSON",
    port: 5144,
    transports: Transports::Tcp,
    // A list of waypoints is the longest that an app sends.
    framer: Framer::Http { max_head: 8 * 1024, max_body: 64 * 1024 },
    authenticates: false,
    alarms: &[
        Alarm::Tow,
        Alarm::PowerCut,
        Alarm::GeofenceEnter,
        Alarm::GeofenceExit,
        Alarm::Overspeed,
        Alarm::HardAcceleration,
        Alarm::HardBraking,
        Alarm::HardCornering,
        Alarm::LowBattery,
        Alarm::PowerOn,
        Alarm::PowerRestored,
    ],
    commands: None,
    decoder: || Box::new(decode),
};

/// Text of the sender's making is cut off here.
const MAX_TEXT: usize = 256;
/// The year 5138; later seconds are milliseconds, or nonsense.
const LAST_SECOND: f64 = 1e11;

fn decode(context: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let result = request(context, frame, out);
    match result {
        Ok(()) => out.reply(response("200 OK"), When::Accepted),
        Err(_) => out.reply(response("400 Bad Request"), When::Now),
    }
    result
}

fn request(context: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let request = Request::parse(frame)?;
    if request.method != "POST" {
        return Err(Reject::at(0, Reason::Unsupported));
    }
    let at = request.body_offset;
    let object = Object::read(request.body)
        .ok_or_else(|| Reject::at(at.min(frame.len()), Reason::Malformed))?;
    let message = Message { object, at };
    let kind = message.text("_type").ok_or_else(|| message.reject(Reason::Malformed))?;
    match kind {
        "location" | "transition" => {
            identify(&message, &request, out)?;
            message.place(context, kind, out)
        }
        "encrypted" => Err(message.reject(Reason::Encrypted)),
        _ => Ok(()),
    }
}

fn identify(message: &Message<'_>, request: &Request<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
    let by_headers = || {
        let (user, device) = (request.header("X-Limit-U")?, request.header("X-Limit-D")?);
        let known = out.device().map(DeviceId::as_str).filter(|known| {
            let of_user =
                known.strip_prefix("owntracks/").and_then(|known| known.strip_prefix(user));
            of_user.and_then(|known| known.strip_prefix('/')) == Some(device)
        });
        Some(match known {
            Some(known) => Cow::Borrowed(known),
            None => Cow::Owned(format!("owntracks/{user}/{device}")),
        })
    };
    let device = match message.text("topic") {
        Some(topic) => Cow::Borrowed(topic),
        None => by_headers()
            .or_else(|| message.text("tid").map(Cow::Borrowed))
            .ok_or_else(|| message.reject(Reason::Unidentified))?,
    };
    if !(1..=128).contains(&device.len()) || device.chars().any(char::is_control) {
        return Err(message.reject(Reason::Malformed));
    }
    if out.device().is_none_or(|known| known.as_str() != device) {
        let device = DeviceId::from(device);
        out.login(device, Standing::Claimed, response("403 Forbidden"));
    }
    Ok(())
}

struct Message<'a> {
    object: Object<'a>,
    /// Where it stands in the frame.
    at: usize,
}

impl Message<'_> {
    const fn reject(&self, reason: Reason) -> Reject {
        Reject::at(self.at, reason)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.object.get(name)?.text().filter(|text| !text.is_empty())
    }

    /// A number, also as text.
    fn number(&self, name: &str) -> Option<f64> {
        let value = self.object.get(name)?;
        value.number().or_else(|| number::decimal(value.text()?.trim()))
    }

    /// Yes or no, also as a number.
    fn flag(&self, name: &str) -> Option<bool> {
        let value = self.object.get(name)?;
        match value {
            Scalar::Bool(value) => Some(*value),
            _ => value.number().map(|number| number != 0.0),
        }
    }

    fn place(&self, context: &Context<'_>, kind: &str, out: &mut Out<'_>) -> Result<(), Reject> {
        let out_of_range = self.reject(Reason::OutOfRange);
        let time = match self.number("tst") {
            None => context.received_at,
            Some(seconds) if (0.0..LAST_SECOND).contains(&seconds) => {
                Time::default().plus_seconds(seconds)
            }
            Some(_) => return Err(out_of_range),
        };
        let mut attributes = Attributes::new();
        let alarms = self.event(kind, &mut attributes);
        let (Some(latitude), Some(longitude)) = (self.number("lat"), self.number("lon")) else {
            // Who crossed a border need not say where.
            if kind == "transition" {
                out.report(Some(time), alarms, attributes);
                return Ok(());
            }
            return Err(self.reject(Reason::Malformed));
        };
        let mut fix = Fix::new(time, latitude, longitude).ok_or(out_of_range)?;
        fix.speed_kmh = self.number("vel").filter(|speed| *speed >= 0.0);
        fix.course_deg = self.number("cog").filter(|course| (0.0..=360.0).contains(course));
        fix.altitude_m = self.number("alt");
        fix.alarms = alarms;
        self.state(&mut attributes);
        out.fix(fix, attributes);
        Ok(())
    }

    fn event(&self, kind: &str, attributes: &mut Attributes) -> AlarmSet {
        let mut alarms = AlarmSet::EMPTY;
        let event = self.text("t").unwrap_or_default();
        if !event.is_empty() {
            attributes.set("event", cut(event));
        }
        if kind == "transition" {
            match self.text("event") {
                Some("enter") => alarms.insert(Alarm::GeofenceEnter),
                Some("leave") => alarms.insert(Alarm::GeofenceExit),
                _ => {}
            }
            attributes.set_some("geofence", self.text("desc").map(cut));
            return alarms;
        }
        match event {
            "9" => alarms.insert(Alarm::LowBattery),
            "1" => alarms.insert(Alarm::PowerOn),
            "i" => attributes.set("ignition", true),
            "I" => attributes.set("ignition", false),
            "E" => alarms.insert(Alarm::PowerRestored),
            "e" => alarms.insert(Alarm::PowerCut),
            "!" => alarms.insert(Alarm::Tow),
            "s" => alarms.insert(Alarm::Overspeed),
            "h" => alarms.extend(self.number("rty").and_then(driving)),
            _ => {}
        }
        alarms
    }

    fn state(&self, attributes: &mut Attributes) {
        static NUMBERS: [(&str, &str); 8] = [
            ("acc", "accuracy_m"),
            ("vac", "vertical_accuracy_m"),
            ("batt", "battery_percent"),
            ("p", "air_pressure_kpa"),
            ("uext", "power_v"),
            ("ubatt", "battery_v"),
            ("rpm", "rpm"),
            ("hmc", "engine_time_s"),
        ];
        static ANALOGS: [(&str, &str, &str, &str); 4] = [
            ("adda-00", "adc_1", "temp_c-00", "temperature_1_c"),
            ("adda-01", "adc_2", "temp_c-01", "temperature_2_c"),
            ("adda-02", "adc_3", "temp_c-02", "temperature_3_c"),
            ("adda-03", "adc_4", "temp_c-03", "temperature_4_c"),
        ];
        for (name, ours) in NUMBERS {
            attributes.set_some(ours, self.number(name));
        }
        match self.number("bs") {
            Some(1.0) => attributes.set("charging", false),
            Some(2.0 | 3.0) => attributes.set("charging", true),
            _ => {}
        }
        attributes.set_some("odometer_m", self.number("odometer").map(|km| km * 1000.0));
        attributes.set_some("ignition", self.flag("ign"));
        attributes.set_some("motion", self.flag("motion"));
        for (name, ours) in [("vin", "vin"), ("name", "vin"), ("poi", "poi"), ("tag", "tag")] {
            attributes.set_some(ours, self.text(name).map(cut));
        }
        for name in ["mcc", "mnc"] {
            if let Some(Scalar::Whole(number)) = self.object.get(name) {
                attributes.set(name, *number);
            }
        }
        for (name, ours) in [("lac", "lac"), ("cid", "cell_id")] {
            let number = self.text(name).and_then(|text| u32::from_str_radix(text, 16).ok());
            attributes.set_some(ours, number);
        }
        for (analog, ours, temperature, our_temperature) in ANALOGS {
            attributes.set_some(ours, self.number(analog));
            attributes.set_some(our_temperature, self.number(temperature));
        }
    }
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

/// Slow and fast are told apart; both are hard.
fn driving(kind: f64) -> Option<Alarm> {
    match kind {
        0.0 | 3.0 => Some(Alarm::HardBraking),
        1.0 | 4.0 => Some(Alarm::HardAcceleration),
        2.0 | 5.0 => Some(Alarm::HardCornering),
        _ => None,
    }
}
