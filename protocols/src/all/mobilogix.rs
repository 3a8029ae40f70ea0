//! Mobilogix MT2000, MT3200 and kin.
//!
//! TCP on port 5216. Source: Mobilogix, "T Message Protocol" 1.0 of the MT2000, as far as it is
//! public, and frames of devices.
//!
//! A frame: `[`, UTC as `yyyy-mm-dd hh:mm:ss`, kind, 1 (0: it was stored), firmware, device, fields,
//! all between commas; then `]`.
//!
//! | kind | fields | answer |
//! |---|---|---|
//! | `T1` | login: two of which nothing is known, number, IMSI, IMEI | `[`the same time`,S1,1]` |
//! | `T3`, `T21`, `T22` | status, then position: at intervals, when the ignition changed | `[`the same time`,S`the same number`]` |
//! | `T9` to `T13`, `T15` | the same, with an alarm | the same |
//! | `T14` | heartbeat: status | the same |
//! | `T8` | battery (mV) is low | the same |
//! | `T6` | what a command has done | none |
//! | others | status and position where they have them, else something not known | the same |
//!
//! | field | meaning |
//! |---|---|
//! | 5 | state (hexadecimal): bits 0 vehicle free to start, 1 charging, 2 ignition, 3 moving |
//! | 6 | volts of the vehicle |
//! | 7 | a digit each: satellites (9: or more), signal (in steps of 6 dB from −111 dBm), fix (0: none) |
//! | 8, 9 | degrees north, degrees east |
//! | 10, 11 | km/h, course |
//!
//! | kind | alarm |
//! |---|---|
//! | `T8`, `T11` | battery, vehicle's power low |
//! | `T9`, `T15` | shaken, towed |
//! | `T10` | power cut |
//! | `T12`, `T13` | left the fence, too fast |

use crate::field::{Fields, date, nmea};
use crate::framing::{between, window, without_end};
use crate::{
    Alarm, AlarmSet, Attributes, Context, Fix, Framer, Out, Protocol, Reason, Reject, Step, Time,
    Transports, When,
};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "mobilogix",
    title: "Mobilogix MT2000, MT3200",
    port: 5216,
    transports: Transports::Tcp,
    framer: Framer::Function { max: MAX_FRAME, find },
    authenticates: false,
    alarms: &[
        Alarm::Tow,
        Alarm::PowerCut,
        Alarm::Vibration,
        Alarm::GeofenceExit,
        Alarm::Overspeed,
        Alarm::LowPower,
        Alarm::LowBattery,
    ],
    commands: None,
    decoder: || Box::new(decode),
};

/// Positions have some 100 bytes; a command's result may be longer.
const MAX_FRAME: usize = 1024;

fn find(bytes: &[u8], is_last: bool) -> Step {
    if let Some(step) = between(bytes, |byte| byte == b'[') {
        return step;
    }
    let inside = window(bytes, MAX_FRAME).get(1..).unwrap_or_default();
    match memchr::memchr2(b']', b'[', inside).map(|length| length.saturating_add(1)) {
        // The end is lost.
        Some(next) if bytes.get(next) == Some(&b'[') => Step::Skip(next, Reason::Truncated),
        Some(until) => Step::Frame { body: 1..until, end: until.saturating_add(1) },
        None => without_end(bytes, 1, MAX_FRAME, is_last),
    }
}

fn decode(_: &Context<'_>, frame: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
    let fields = Fields::split(frame, b',');
    let clock = fields.text(0);
    let time = instant(clock).ok_or_else(|| fields.reject(0, Reason::OutOfRange))?;
    let kind = fields.text(1);
    let number = kind.strip_prefix('T').and_then(|number| number.parse::<u8>().ok());
    let number = number.ok_or_else(|| fields.reject(1, Reason::Malformed))?;
    let device = fields.text(4);
    if !(3..=20).contains(&device.len()) || !device.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(fields.reject(4, Reason::Malformed));
    }
    out.identify(device);
    let message = Message { fields: &fields, time, number };
    let read = match number {
        1 => {
            message.login(out);
            out.reply_text(format_args!("[{clock},S1,1]"), When::Now);
            return Ok(());
        }
        6 => {
            message.other("result", out);
            return Ok(());
        }
        8 => {
            message.battery(out);
            Ok(())
        }
        _ if fields.text(5).len() == 2 && fields.number(6).is_some() => message.status(out),
        _ => {
            message.other("data", out);
            Ok(())
        }
    };
    // What cannot be read would be sent again for ever.
    out.reply_text(format_args!("[{clock},S{number}]"), When::Accepted);
    read
}

/// `yyyy-mm-dd hh:mm:ss`.
fn instant(text: &str) -> Option<Time> {
    let (date, of_day) = text.split_once(' ').filter(|_| text.len() == 19)?;
    date::written(date, of_day, 0)
}

struct Message<'a> {
    fields: &'a Fields<'a>,
    time: Time,
    number: u8,
}

impl Message<'_> {
    fn alarms(&self) -> AlarmSet {
        let alarm = match self.number {
            8 => Some(Alarm::LowBattery),
            9 => Some(Alarm::Vibration),
            10 => Some(Alarm::PowerCut),
            11 => Some(Alarm::LowPower),
            12 => Some(Alarm::GeofenceExit),
            13 => Some(Alarm::Overspeed),
            15 => Some(Alarm::Tow),
            _ => None,
        };
        alarm.into_iter().collect()
    }

    fn login(&self, out: &mut Out<'_>) {
        let mut attributes = Attributes::new();
        for (index, name) in [(3, "firmware"), (8, "imsi"), (9, "imei")] {
            let text = self.fields.text(index);
            attributes.set_some(name, (!text.is_empty()).then(|| text.to_owned()));
        }
        out.report(Some(self.time), AlarmSet::EMPTY, attributes);
    }

    fn battery(&self, out: &mut Out<'_>) {
        let mut attributes = Attributes::new();
        let millivolts = self.fields.parse::<u16>(5);
        attributes.set_some("battery_v", millivolts.map(|value| f64::from(value) / 1000.0));
        out.report(Some(self.time), self.alarms(), attributes);
    }

    /// What follows the device, as it stands.
    fn other(&self, name: &'static str, out: &mut Out<'_>) {
        let mut attributes = Attributes::new();
        attributes.set("event", self.number);
        let rest = self.fields.joined(5, self.fields.count());
        attributes.set_some(name, (!rest.is_empty()).then_some(rest));
        out.report(Some(self.time), self.alarms(), attributes);
    }

    fn status(&self, out: &mut Out<'_>) -> Result<(), Reject> {
        let fields = self.fields;
        let mut attributes = Attributes::new();
        attributes.set("event", self.number);
        let state = u8::from_str_radix(fields.text(5), 16).ok();
        if let Some(state) = state {
            let is_set = |bit: u8| state & (1 << bit) != 0;
            attributes.set("blocked", !is_set(0));
            attributes.set("charging", is_set(1));
            attributes.set("ignition", is_set(2));
            attributes.set("motion", is_set(3));
            attributes.set("status", state);
        }
        attributes.set_some("power_v", fields.number(6));
        let wrong = state.is_none().then(|| fields.reject(5, Reason::Malformed));
        if fields.count() <= 8 {
            out.report(Some(self.time), self.alarms(), attributes);
            return wrong.map_or(Ok(()), Err);
        }
        let receiver = match fields.bytes(7) {
            digits @ &[satellites, signal, fix] if digits.iter().all(u8::is_ascii_digit) => {
                let digit = |byte: u8| i16::from(byte.wrapping_sub(b'0'));
                attributes.set("satellites", digit(satellites));
                attributes.set("rssi", digit(signal).saturating_mul(6).saturating_sub(111));
                Some(fix != b'0')
            }
            _ => None,
        };
        let place = fields.number(8).zip(fields.number(9));
        let fix = place.and_then(|(north, east)| Fix::new(self.time, north, east));
        let Some(mut fix) = fix else {
            // The alarm counts wherever it was.
            out.report(Some(self.time), self.alarms(), attributes);
            return Err(fields.reject(8, Reason::OutOfRange));
        };
        fix.valid = receiver.unwrap_or_default();
        fix.speed_kmh = fields.number(10).filter(|speed| *speed >= 0.0);
        fix.course_deg = nmea::course(fields, 11);
        fix.backfill = fields.text(2) == "0";
        fix.alarms = self.alarms();
        out.fix(fix, attributes);
        let wrong =
            wrong.or_else(|| receiver.is_none().then(|| fields.reject(7, Reason::Malformed)));
        wrong.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_stands_in_brackets() {
        assert_eq!(find(b"[a]\r\n", false), Step::Frame { body: 1..2, end: 3 });
        assert_eq!(find(b"\r\n[a]", false), Step::Frame { body: 0..0, end: 2 });
        assert_eq!(find(b"[a", false), Step::Need(3));
        assert_eq!(find(b"[a", true), Step::Frame { body: 1..2, end: 2 });
        assert_eq!(find(b"[a[b]", false), Step::Skip(2, Reason::Truncated));
        assert_eq!(find(b"a]\r\n", false), Step::Skip(2, Reason::Unframed));
        assert_eq!(find(&[b'['; 9], false), Step::Skip(1, Reason::Truncated));
        let long = [&b"["[..], &[b'a'; MAX_FRAME]].concat();
        assert_eq!(find(&long, false), Step::Skip(MAX_FRAME, Reason::TooLong));
        // No matter how many have come.
        let ended = [&long[..MAX_FRAME], b"]"].concat();
        for count in [MAX_FRAME, MAX_FRAME + 1] {
            assert_eq!(find(&ended[..count], false), Step::Skip(MAX_FRAME, Reason::TooLong));
        }
    }
}
