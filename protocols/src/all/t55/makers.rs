//! What makers put into sentences of their own, and behind the checksum of others.

use super::T55;
use crate::field::nmea::{course, speed};
use crate::field::{Fields, nmea};
use crate::{AlarmSet, Attributes, Fix, Out, Reason, Reject};

impl T55 {
    /// satellites, IMEI, ignition, fuel, battery, and any number of others
    pub(super) fn behind_checksum(
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

    /// yyyymmddhhmmss.sss, status, latitude, longitude, knots, course, altitude, battery
    pub(super) fn trccr(&mut self, fields: &Fields<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
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
    pub(super) fn wmcs(&mut self, fields: &Fields<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
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
    pub(super) fn qze(&mut self, fields: &Fields<'_>, out: &mut Out<'_>) -> Result<(), Reject> {
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

/// eight inputs, eight outputs, four voltages, main power, battery
pub(super) fn inputs(fields: &Fields<'_>, out: &mut Out<'_>) {
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
