//! T55 and the other devices that send plain NMEA 0183: CradlePoint and Sierra routers, Maxon,
//! WMCS and Piligrim units, loggers with a serial modem.
//!
//! TCP and UDP on port 5005, a sentence a line. Source: NMEA 0183 (RMC, GGA, GLL, RMA, ZDA); the
//! u-blox receiver description (`PUBX,00`); the makers' own sentences for the rest.
//!
//! A sentence does not say whose it is. The device names itself on a line of its own, before the
//! sentence, or behind its checksum:
//!
//! | line | the device is |
//! |---|---|
//! | `$PGID,…`, `$DEVID,…`, `$GPFID,…`, `$PSIWMDID,…`, `$PCPTI,…,`, `$CONNECT,…,`, `$ID,…,` | the first field |
//! | `$IMEI=…`, `IMEI …`, hexadecimal digits alone | those digits |
//! | `0815/…/$GPRMC,…`, `…$GPGGA,…` | what stands before the `$` |
//! | `$GPRMC,…*71,satellites,…,ignition,fuel,battery` | the second field behind the checksum |
//! | `$GPTXT,NET,…,area,signal` | the field behind `NET` |
//! | `$PUBX,00,…` | the reserved field, where it is not 0 |
//!
//! Quirks: Maxon units send the position first and their name after it, so a position from nobody
//! is told once more when the name comes. A sentence without a date is of the day nearest to the
//! last one that had one. A checksum of `00` stands for none.

use crate::field::{Fields, nmea};
use crate::{
    AlarmSet, Attributes, Context, Decoder, Fix, Framer, Out, Protocol, Reason, Reject, Time,
    Transports,
};

pub(super) static PROTOCOL: Protocol = Protocol {
    name: "t55",
    title: "NMEA 0183 lines (T55, CradlePoint, Maxon, WMCS)",
    port: 5005,
    transports: Transports::TcpUdp,
    // NMEA 0183 allows 82 characters; makers' fields behind the checksum double that.
    framer: Framer::Line { max: 512 },
    authenticates: false,
    alarms: &[],
    decoder: || Box::new(T55::default()),
};

/// An IMEI has 15 characters; routers are named by people.
const MAX_IDENTITY: usize = 40;

#[derive(Default)]
struct T55 {
    /// The last time that came with a date.
    dated: Option<Time>,
    /// A position from nobody, until somebody names himself.
    nameless: Option<(Fix, Attributes)>,
}

impl Decoder for T55 {
    fn decode(
        &mut self,
        context: &Context<'_>,
        frame: &[u8],
        out: &mut Out<'_>,
    ) -> Result<(), Reject> {
        let Some(dollar) = memchr::memchr(b'$', frame) else {
            return self.bare_line(frame, out);
        };
        let (before, sentence) = frame.split_at_checked(dollar).unwrap_or((&[], frame));
        let moved = |mut reject: Reject| {
            reject.offset = reject.offset.saturating_add(dollar);
            reject
        };
        let (content, after) = verify(sentence).map_err(moved)?;
        if !before.trim_ascii().is_empty() {
            self.prefix(before, out)?;
        }
        self.sentence(context, content, after, out).map_err(|mut reject| {
            // Counted from behind the `$`.
            reject.offset = reject.offset.saturating_add(1);
            moved(reject)
        })
    }
}

/// Some devices write `*00` and compute nothing.
fn verify(sentence: &[u8]) -> Result<(&[u8], &[u8]), Reject> {
    let verified = nmea::verified(sentence);
    if let Err(Reject { reason: Reason::Checksum, offset, .. }) = verified {
        let digits = offset..offset.saturating_add(2);
        if sentence.get(digits) == Some(b"00") {
            let content = sentence.get(1..offset.saturating_sub(1)).unwrap_or_default();
            return Ok((content, sentence.get(offset.saturating_add(2)..).unwrap_or_default()));
        }
    }
    verified
}

/// The coordinates of a sentence: `DDMM.mmmm`, `N`, `DDDMM.mmmm`, `E` from `first` on. `None` where
/// the receiver has left them empty.
fn place(fields: &Fields<'_>, first: usize) -> Result<Option<(f64, f64)>, Reject> {
    let read = |index: usize| {
        nmea::degrees(fields.text(index))
            .and_then(|value| nmea::signed(value, fields.text(index.saturating_add(1))))
            .ok_or_else(|| fields.reject(index, Reason::OutOfRange))
    };
    let second = first.saturating_add(2);
    if fields.text(first).is_empty() && fields.text(second).is_empty() {
        return Ok(None);
    }
    Ok(Some((read(first)?, read(second)?)))
}

impl T55 {
    fn identify(&mut self, device: &str, at: usize, out: &mut Out<'_>) -> Result<(), Reject> {
        let device = device.trim();
        let plausible = (1..=MAX_IDENTITY).contains(&device.len())
            && device.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        if !plausible {
            return Err(Reject::at(at, Reason::Malformed));
        }
        out.identify(device);
        if let Some((fix, attributes)) = self.nameless.take() {
            out.fix(fix, attributes);
        }
        Ok(())
    }

    fn fix(&mut self, fix: Fix, attributes: Attributes, out: &mut Out<'_>) {
        if out.device().is_none() {
            self.nameless = Some((fix, attributes.clone()));
        }
        out.fix(fix, attributes);
    }

    /// `0815/id/` or `id` before the `$`.
    fn prefix(&mut self, before: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
        let text = std::str::from_utf8(before).map_err(|_| Reject::at(0, Reason::Malformed))?;
        let text = text.trim().trim_end_matches(['/', ',']);
        let device = text.rsplit(['/', ',']).next().unwrap_or_default();
        self.identify(device, 0, out)
    }

    /// A line without a sentence.
    fn bare_line(&mut self, line: &[u8], out: &mut Out<'_>) -> Result<(), Reject> {
        let text = std::str::from_utf8(line).map_err(|_| Reject::at(0, Reason::Malformed))?;
        let text = text.trim();
        if let Some(imei) = text.strip_prefix("IMEI") {
            return self.identify(imei.trim_start_matches([' ', '=', ':', ',']), 4, out);
        }
        if text.starts_with("QZE,") {
            return self.qze(&Fields::split(line, b','), out);
        }
        if text.len() >= 4 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return self.identify(text, 0, out);
        }
        Err(Reject::at(0, Reason::Unsupported))
    }

    fn sentence(
        &mut self,
        context: &Context<'_>,
        content: &[u8],
        after: &[u8],
        out: &mut Out<'_>,
    ) -> Result<(), Reject> {
        let fields = Fields::split(content, b',');
        let name = fields.text(0);
        if let Some(imei) = name.strip_prefix("IMEI=") {
            return self.identify(imei, 5, out);
        }
        match name {
            "PGID" | "DEVID" | "GPFID" | "PSIWMDID" | "PCPTI" | "IMEI" | "CONNECT" => {
                self.identify(fields.text(1), fields.offset(1), out)
            }
            "ID" => {
                self.identify(fields.text(1), fields.offset(1), out)?;
                self.wmcs(&fields, out)
            }
            "GPTXT" if fields.text(1) == "NET" => {
                self.identify(fields.text(2), fields.offset(2), out)?;
                let mut attributes = Attributes::new();
                attributes.set_some("rssi", fields.parse::<i32>(4));
                out.report(None, AlarmSet::EMPTY, attributes);
                Ok(())
            }
            "PUBX" if fields.text(1) == "00" => self.ublox(context, &fields, out),
            "TRCCR" => self.trccr(&fields, out),
            "GPIOP" => {
                inputs(&fields, out);
                Ok(())
            }
            _ => match (name.len(), name.get(2..).unwrap_or_default()) {
                (5, "RMC") => self.rmc(context, &fields, after, out),
                (5, "GGA") => self.gga(context, &fields, out),
                (5, "GLL") => self.gll(context, &fields, out),
                (5, "RMA") => self.rma(context, &fields, out),
                (5, "ZDA") => self.zda(&fields),
                // Satellites, accuracy, speed alone, text: nothing that is not elsewhere too.
                (5, "GSA" | "GSV" | "GST" | "GBS" | "VTG" | "TXT" | "DTM" | "HDT") => Ok(()),
                _ => Err(fields.reject(0, Reason::Unsupported)),
            },
        }
    }

    /// The instant of a time of day, and of a date where there is one.
    fn instant(
        &mut self,
        context: &Context<'_>,
        fields: &Fields<'_>,
        time_at: usize,
        date_at: Option<usize>,
    ) -> Result<Time, Reject> {
        let text = fields.text(time_at);
        if text.is_empty() {
            return Ok(context.received_at);
        }
        let of_day =
            nmea::time_of_day_ms(text).ok_or_else(|| fields.reject(time_at, Reason::OutOfRange))?;
        let date_at = date_at.filter(|index| !fields.text(*index).is_empty());
        let Some(date_at) = date_at else {
            return Ok(nmea::nearest(of_day, self.dated.unwrap_or(context.received_at)));
        };
        let midnight = nmea::date(fields.text(date_at))
            .ok_or_else(|| fields.reject(date_at, Reason::OutOfRange))?;
        let time = midnight.plus_millis(of_day);
        self.dated = Some(time);
        Ok(time)
    }

    /// time, status, latitude, N, longitude, E, knots, course, date, variation, E, mode
    fn rmc(
        &mut self,
        context: &Context<'_>,
        fields: &Fields<'_>,
        after: &[u8],
        out: &mut Out<'_>,
    ) -> Result<(), Reject> {
        let place = place(fields, 3)?;
        let time = self.instant(context, fields, 1, Some(9))?;
        let mut attributes = Attributes::new();
        self.behind_checksum(after, &mut attributes, out)?;
        let Some((latitude, longitude)) = place else { return Ok(()) };
        let mut fix = Fix::new(time, latitude, longitude)
            .ok_or_else(|| fields.reject(3, Reason::OutOfRange))?;
        fix.valid = fields.text(2) == "A";
        fix.speed_kmh = speed(fields, 7);
        fix.course_deg = course(fields, 8);
        self.fix(fix, attributes, out);
        Ok(())
    }

    /// satellites, IMEI, ignition, fuel, battery, and any number of others
    fn behind_checksum(
        &mut self,
        after: &[u8],
        attributes: &mut Attributes,
        out: &mut Out<'_>,
    ) -> Result<(), Reject> {
        let fields = Fields::split(after, b',');
        if fields.count() < 4 || fields.text(2).len() != 15 {
            return Ok(());
        }
        self.identify(fields.text(2), 0, out)?;
        attributes.set_some("satellites", fields.parse::<u8>(1));
        attributes.set("ignition", fields.text(3) == "1");
        attributes.set_some("fuel_percent", fields.parse::<u8>(4));
        attributes.set_some("battery_percent", fields.parse::<u8>(5));
        for index in 6..fields.count().min(32) {
            let number = index.saturating_sub(5);
            attributes.set_some(format!("io_{number}"), fields.parse::<i64>(index));
        }
        Ok(())
    }

    /// time, latitude, N, longitude, E, quality, satellites, HDOP, altitude, M
    fn gga(
        &mut self,
        context: &Context<'_>,
        fields: &Fields<'_>,
        out: &mut Out<'_>,
    ) -> Result<(), Reject> {
        let Some((latitude, longitude)) = place(fields, 2)? else { return Ok(()) };
        let time = self.instant(context, fields, 1, None)?;
        let mut fix = Fix::new(time, latitude, longitude)
            .ok_or_else(|| fields.reject(2, Reason::OutOfRange))?;
        fix.valid = !matches!(fields.text(6), "" | "0");
        fix.altitude_m = fields.number(9);
        let mut attributes = Attributes::new();
        attributes.set_some("satellites", fields.parse::<u8>(7));
        attributes.set_some("hdop", fields.number(8));
        self.fix(fix, attributes, out);
        Ok(())
    }

    /// latitude, N, longitude, E, time, status
    fn gll(
        &mut self,
        context: &Context<'_>,
        fields: &Fields<'_>,
        out: &mut Out<'_>,
    ) -> Result<(), Reject> {
        let Some((latitude, longitude)) = place(fields, 1)? else { return Ok(()) };
        let time = self.instant(context, fields, 5, None)?;
        let mut fix = Fix::new(time, latitude, longitude)
            .ok_or_else(|| fields.reject(1, Reason::OutOfRange))?;
        fix.valid = fields.text(6) == "A";
        self.fix(fix, Attributes::new(), out);
        Ok(())
    }

    /// status, latitude, N, longitude, E, two differences of time, knots, course
    fn rma(
        &mut self,
        context: &Context<'_>,
        fields: &Fields<'_>,
        out: &mut Out<'_>,
    ) -> Result<(), Reject> {
        let Some((latitude, longitude)) = place(fields, 2)? else { return Ok(()) };
        let mut fix = Fix::new(context.received_at, latitude, longitude)
            .ok_or_else(|| fields.reject(2, Reason::OutOfRange))?;
        fix.valid = fields.text(1) == "A";
        fix.speed_kmh = speed(fields, 8);
        fix.course_deg = course(fields, 9);
        self.fix(fix, Attributes::new(), out);
        Ok(())
    }

    /// time, day, month, year
    fn zda(&mut self, fields: &Fields<'_>) -> Result<(), Reject> {
        let of_day = nmea::time_of_day_ms(fields.text(1));
        let (day, month, year) = (fields.parse(2), fields.parse(3), fields.parse(4));
        let (Some(of_day), Some(day), Some(month), Some(year)) = (of_day, day, month, year) else {
            return Ok(());
        };
        let midnight = Time::from_civil((year, month, day), (0, 0, 0), 0)
            .ok_or_else(|| fields.reject(2, Reason::OutOfRange))?;
        self.dated = Some(midnight.plus_millis(of_day));
        Ok(())
    }

    /// 00, time, latitude, N, longitude, E, altitude, status, accuracy (two), km/h, course,
    /// vertical speed, age, HDOP, VDOP, TDOP, satellites, reserved, dead reckoning
    fn ublox(
        &mut self,
        context: &Context<'_>,
        fields: &Fields<'_>,
        out: &mut Out<'_>,
    ) -> Result<(), Reject> {
        if fields.text(19).len() > 1 {
            self.identify(fields.text(19), fields.offset(19), out)?;
        }
        let Some((latitude, longitude)) = place(fields, 3)? else { return Ok(()) };
        let time = self.instant(context, fields, 2, None)?;
        let mut fix = Fix::new(time, latitude, longitude)
            .ok_or_else(|| fields.reject(3, Reason::OutOfRange))?;
        fix.valid = !matches!(fields.text(8), "NF" | "DR" | "");
        fix.altitude_m = fields.number(7);
        fix.speed_kmh = fields.number(11).filter(|speed| *speed >= 0.0);
        fix.course_deg = course(fields, 12);
        let mut attributes = Attributes::new();
        attributes.set_some("hdop", fields.number(15));
        attributes.set_some("vdop", fields.number(16));
        attributes.set_some("satellites", fields.parse::<u8>(18));
        self.fix(fix, attributes, out);
        Ok(())
    }

    /// yyyymmddhhmmss.sss, status, latitude, longitude, knots, course, altitude, battery
    fn trccr(&mut self, fields: &Fields<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
        let when = || {
            let (date, time) = fields.text(1).split_at_checked(8)?;
            let short = date.strip_prefix("20")?;
            let [year, month, day] = [short.get(..2)?, short.get(2..4)?, short.get(4..)?];
            let midnight = nmea::date(&format!("{day}{month}{year}"))?;
            Some(midnight.plus_millis(nmea::time_of_day_ms(time)?))
        };
        let time = when().ok_or_else(|| fields.reject(1, Reason::OutOfRange))?;
        let wrong = || fields.reject(3, Reason::OutOfRange);
        let (latitude, longitude) = fields.number(3).zip(fields.number(4)).ok_or_else(wrong)?;
        let mut fix = Fix::new(time, latitude, longitude).ok_or_else(wrong)?;
        self.dated = Some(time);
        fix.valid = fields.text(2) == "A";
        fix.speed_kmh = speed(fields, 5);
        fix.course_deg = course(fields, 6);
        fix.altitude_m = fields.number(7);
        let mut attributes = Attributes::new();
        attributes.set_some("battery_v", fields.number(8));
        self.fix(fix, attributes, out);
        Ok(())
    }

    /// Keys and values behind `GPSEX`: status, `D` date, `T` time, `S` seen:used, `La` and `Lo` in
    /// degrees with their hemispheres.
    fn wmcs(&mut self, fields: &Fields<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
        let key = |name: &str| (2..fields.count()).find(|index| fields.text(*index) == name);
        let behind = |name: &str| key(name).map(|index| index.saturating_add(1));
        let (Some(north), Some(east)) = (behind("La"), behind("Lo")) else { return Ok(()) };
        let read = |index: usize| {
            fields
                .number(index)
                .and_then(|value| nmea::signed(value, fields.text(index.saturating_add(1))))
                .ok_or_else(|| fields.reject(index, Reason::OutOfRange))
        };
        let (latitude, longitude) = (read(north)?, read(east)?);
        let wrong = fields.reject(key("D").unwrap_or(0), Reason::OutOfRange);
        let midnight = behind("D").and_then(|at| nmea::date(fields.text(at))).ok_or(wrong)?;
        let of_day =
            behind("T").and_then(|at| nmea::time_of_day_ms(fields.text(at))).ok_or(wrong)?;
        let mut fix = Fix::new(midnight.plus_millis(of_day), latitude, longitude)
            .ok_or_else(|| fields.reject(north, Reason::OutOfRange))?;
        fix.valid = behind("GPSEX").is_some_and(|at| fields.text(at) == "A");
        let mut attributes = Attributes::new();
        let used = behind("S").and_then(|at| fields.text(at).rsplit(':').next());
        attributes.set_some("satellites", used.and_then(|used| used.parse::<u8>().ok()));
        self.fix(fix, attributes, out);
        Ok(())
    }

    /// IMEI, event, ddmmyyyy, hhmmss, latitude, longitude, km/h, course, status, ignition
    fn qze(&mut self, fields: &Fields<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
        self.identify(fields.text(1), fields.offset(1), out)?;
        let when = || {
            let (day_month, year) = fields.text(3).split_at_checked(4)?;
            let midnight = nmea::date(&format!("{day_month}{}", year.strip_prefix("20")?))?;
            Some(midnight.plus_millis(nmea::time_of_day_ms(fields.text(4))?))
        };
        let time = when().ok_or_else(|| fields.reject(3, Reason::OutOfRange))?;
        let wrong = || fields.reject(5, Reason::OutOfRange);
        let (latitude, longitude) = fields.number(5).zip(fields.number(6)).ok_or_else(wrong)?;
        let mut fix = Fix::new(time, latitude, longitude).ok_or_else(wrong)?;
        fix.valid = fields.text(9) == "A";
        fix.speed_kmh = fields.number(7).filter(|speed| *speed >= 0.0);
        fix.course_deg = course(fields, 8);
        let mut attributes = Attributes::new();
        attributes.set_some("event", fields.parse::<u32>(2));
        attributes.set("ignition", fields.text(10) == "1");
        self.fix(fix, attributes, out);
        Ok(())
    }
}

fn speed(fields: &Fields<'_>, index: usize) -> Option<f64> {
    fields.number(index).filter(|knots| *knots >= 0.0).map(nmea::kmh)
}

fn course(fields: &Fields<'_>, index: usize) -> Option<f64> {
    fields.number(index).filter(|course| (0.0..=360.0).contains(course))
}

/// eight inputs, eight outputs, four voltages, main power, battery
fn inputs(fields: &Fields<'_>, out: &mut Out<'_>) {
    let mut attributes = Attributes::new();
    for (index, name) in [(1, "inputs"), (2, "outputs")] {
        let bits = fields.text(index);
        if bits.len() == 8 && bits.bytes().all(|bit| matches!(bit, b'0' | b'1')) {
            attributes.set(name, bits.to_owned());
        }
    }
    let names = ["adc_1_v", "adc_2_v", "adc_3_v", "adc_4_v", "power_v", "battery_v"];
    for (index, name) in (3..).zip(names) {
        attributes.set_some(name, fields.number(index));
    }
    out.report(None, AlarmSet::EMPTY, attributes);
}
